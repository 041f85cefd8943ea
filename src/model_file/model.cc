#include "model_file/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/background.h"
#include "core/exact_math.h"
#include "core/printable.h"
#include "entropy/scales.h"
#include "model_file/safetensors.h"

namespace compass {
namespace {

constexpr std::string_view kFormat = "compass-model";
constexpr std::string_view kVersion = "1";

Error bad(std::string what) {
  return {ErrorCode::kModel, "model: " + std::move(what)};
}

// What a file says that it holds, and, of the base decoder alone, the id of the rest.
struct Contents {
  ModelParts parts = ModelParts::kAll;
  std::optional<DecoderId> upper;
};

Result<Contents> contents_of(const Safetensors& file, bool layered) {
  const std::string_view parts = file.metadata(kPartsKey);
  if (parts.empty()) return Contents{};
  if (parts == kDecoderParts) return Contents{ModelParts::kDecoder, {}};
  if (parts != kBaseDecoderParts)
    return bad("holds " + printable(parts) + ", parts that are unknown to this program");
  if (layered) return bad("holds the base decoder alone, but describes more layers");
  const auto upper = parse_model_id(file.metadata(kUpperKey));
  if (!upper) return bad("holds the base decoder alone, but its metadata lacks the id of the rest (upper)");
  return Contents{ModelParts::kBaseDecoder, upper};
}

// The tensors must be those of the description, no more. Those that are missing are found when they are read.
Status check_tensors(const Safetensors& file, const Description& description, ModelParts parts) {
  std::vector<std::string> have;
  int64_t parameters = 0;
  for (const auto& [name, view] : file.tensors()) {
    if (!is_density_tensor(name) && !is_scale_tensor(file, name)) have.push_back(name);
    parameters += view.elements();
    if (parameters > kMaxParameters) return bad(fmt::format("has more than {} parameters", kMaxParameters));
  }
  std::vector<std::string> known = tensor_names(description);
  if (parts != ModelParts::kAll) std::erase_if(known, is_encoder_tensor);
  std::vector<std::string> unknown;
  std::set_difference(have.begin(), have.end(), known.begin(), known.end(), std::back_inserter(unknown));
  if (unknown.empty()) return {};
  return bad("tensor " + printable(unknown.front()) + " is not part of its description");
}

}  // namespace

Result<std::shared_ptr<const Model>> Model::load(const std::string& path, ModelUse use) {
  auto file = Safetensors::load(path);
  if (!file) return file.error();
  auto model = from(*file, use);
  if (!model) return Error{model.error().code, path + ": " + model.error().message};
  return model;
}

Result<std::shared_ptr<const Model>> Model::parse(std::vector<uint8_t> bytes, ModelUse use) {
  auto file = Safetensors::parse(std::move(bytes));
  if (!file) return file.error();
  return from(*file, use);
}

Result<std::shared_ptr<const Model>> Model::from(const Safetensors& file, ModelUse use) {
  if (file.metadata("format") != kFormat)
    return bad("not a COMPASS model (its metadata lacks format: compass-model)");
  if (file.metadata("version") != kVersion) {
    return bad("has version " + printable(file.metadata("version")) + ", this program reads version 1");
  }
  auto description = parse_description(file.metadata(kDescriptionKey));
  if (!description) return description.error();
  const auto contents = contents_of(file, description->enhancement.has_value());
  if (!contents) return contents.error();
  if (const Status fits = check_tensors(file, *description, contents->parts); !fits) return fits.error();

  std::shared_ptr<Model> model(new Model);
  model->description_ = std::move(*description);
  const Description& d = model->description_;
  const bool encodes = contents->parts == ModelParts::kAll && use == ModelUse::kAny;
  model->parts_ = !encodes && contents->parts == ModelParts::kAll ? ModelParts::kDecoder : contents->parts;
  const int points = static_cast<int>(d.rate_points.size());
  // The codecs and LIFF are read at the same time: most of the time before a first picture goes into reading
  // weights.
  auto id = in_background([&] { return model_id(d, file); });
  auto decoder_ids = in_background([&] {
    return DecoderIds{base_decoder_id(d, file),
                      d.enhancement ? std::optional(upper_decoder_id(d, file)) : contents->upper};
  });
  Future<Result<CodecWeights>> enhancement;
  Future<Result<LiffWeights>> liff;
  if (d.enhancement) {
    enhancement = in_background(
        [&] { return read_codec_weights(file, *d.enhancement, "enhancement", points, encodes); });
    liff = in_background([&] { return read_liff_weights(file, *d.liff); });
  }
  auto base = read_codec_weights(file, d.base, "base", points, encodes);
  if (!base) return base.error();
  model->base_ = std::move(*base);
  if (d.enhancement) {
    auto weights = enhancement.get();
    if (!weights) return weights.error();
    model->enhancement_ = std::move(*weights);
    auto filters = liff.get();
    if (!filters) return filters.error();
    model->liff_ = std::move(*filters);
  }
  for (const auto& [name, view] : file.tensors()) {
    const bool table = name.find(".y.") != std::string::npos || name.find(".z.") != std::string::npos;
    if (!table && !is_scale_tensor(file, name)) model->parameters_ += view.elements();
  }
  model->id_ = id.get();
  model->decoder_ids_ = decoder_ids.get();
  model->decoder_id_ = model->decoder_ids_.whole();
  return std::shared_ptr<const Model>(std::move(model));
}

float Model::rate_position(double quality) const {
  return static_cast<float>(std::clamp(quality, 0.0, 100.0) / 100.0 *
                            static_cast<double>(rate_points().size() - 1));
}

double Model::quality_doubling() const {
  return 100.0 / std::log2(rate_points().back() / rate_points().front());
}

// Positions of qualities in tenths differ wherever the qualities do, unless all are the same: there is one
// rate point, then, and nothing is coarser.
int Model::trellis_shift(CodecKind kind, float rate) const {
  const auto& below = codec(kind).trellis->coarser_below;
  return static_cast<int>(
      std::ranges::count_if(below, [&](double quality) { return rate < rate_position(quality); }));
}

float Model::trellis_step(CodecKind kind, float rate) const {
  return static_cast<float>(codec(kind).trellis->step * exact_exp(kLogScaleStep * trellis_shift(kind, rate)));
}

double Model::lambda(float rate) const {
  const auto& points = rate_points();
  const double position = std::clamp(static_cast<double>(rate), 0.0, static_cast<double>(points.size() - 1));
  const auto low = static_cast<size_t>(position);
  const size_t high = std::min(low + 1, points.size() - 1);
  return points[low] * std::pow(points[high] / points[low], position - static_cast<double>(low));
}

}  // namespace compass
