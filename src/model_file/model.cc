#include "model_file/model.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <functional>

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

// Frees XXH3's state, which is over-aligned and not constructible as a value.
struct FreeState {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

// Whether a tensor is an analysis network's, "base.g_a.2.weight" or "enhancement.h_a.0.bias": encoders alone
// read it.
bool is_encoder_tensor(std::string_view name) {
  const size_t codec = name.find('.');
  return codec != std::string_view::npos &&
         (name.substr(codec).starts_with(".g_a.") || name.substr(codec).starts_with(".h_a."));
}

// Of a text and of the tensors that `counts` chooses.
ModelId hash_of(const std::string& text, const Safetensors& file,
                const std::function<bool(std::string_view)>& counts) {
  const std::unique_ptr<XXH3_state_t, FreeState> state(XXH3_createState());
  XXH3_64bits_reset(state.get());
  // Everything of variable length has its length in front, so that different contents are different bytes.
  const auto add = [&](const void* data, uint64_t size) {
    XXH3_64bits_update(state.get(), &size, sizeof(size));
    XXH3_64bits_update(state.get(), data, size);
  };
  add(text.data(), text.size());
  for (const auto& [name, view] : file.tensors()) {
    if (is_density_tensor(name) || !counts(name)) continue;
    add(name.data(), name.size());
    const auto dtype = static_cast<uint8_t>(view.dtype);
    add(&dtype, sizeof(dtype));
    add(view.shape.data(), view.shape.size() * sizeof(int64_t));
    add(view.data.data(), view.data.size());
  }
  XXH64_canonical_t canonical;
  XXH64_canonicalFromHash(&canonical, XXH3_64bits_digest(state.get()));
  ModelId id;
  std::copy(std::begin(canonical.digest), std::end(canonical.digest), id.begin());
  return id;
}

}  // namespace

Result<std::shared_ptr<const Model>> Model::load(const std::string& path) {
  auto file = Safetensors::load(path);
  if (!file) return file.error();
  auto model = from(*file);
  if (!model) return Error{model.error().code, path + ": " + model.error().message};
  return model;
}

Result<std::shared_ptr<const Model>> Model::parse(std::vector<uint8_t> bytes) {
  auto file = Safetensors::parse(std::move(bytes));
  if (!file) return file.error();
  return from(*file);
}

Result<std::shared_ptr<const Model>> Model::from(const Safetensors& file) {
  const auto metadata = [&](std::string_view key) -> std::string_view {
    const auto it = file.metadata().find(key);
    return it == file.metadata().end() ? std::string_view() : it->second;
  };
  if (metadata("format") != kFormat)
    return bad("not a COMPASS model (its metadata lacks format: compass-model)");
  if (metadata("version") != kVersion) {
    return bad("has version " + printable(metadata("version")) + ", this program reads version 1");
  }
  auto description = parse_description(metadata("compass"));
  if (!description) return description.error();

  std::vector<std::string> have;
  int64_t parameters = 0;
  for (const auto& [name, view] : file.tensors()) {
    if (!is_density_tensor(name) && !is_scale_tensor(file, name)) have.push_back(name);
    parameters += view.elements();
    if (parameters > kMaxParameters) return bad(fmt::format("has more than {} parameters", kMaxParameters));
  }
  std::vector<std::string> unknown;
  const std::vector<std::string> known = tensor_names(*description);
  std::set_difference(have.begin(), have.end(), known.begin(), known.end(), std::back_inserter(unknown));
  if (!unknown.empty())
    return bad("tensor " + printable(unknown.front()) + " is not part of its description");

  std::shared_ptr<Model> model(new Model);
  model->description_ = std::move(*description);
  const Description& d = model->description_;
  const int points = static_cast<int>(d.rate_points.size());
  // The codecs and LIFF are read at the same time: most of the time before a first picture goes into reading
  // weights.
  auto id = in_background([&] { return hash_of(d.canonical, file, [](std::string_view) { return true; }); });
  auto decoder_id = in_background([&] {
    return hash_of(decoder_text(d), file, [](std::string_view name) { return !is_encoder_tensor(name); });
  });
  Future<Result<CodecWeights>> enhancement;
  Future<Result<LiffWeights>> liff;
  if (d.enhancement) {
    enhancement =
        in_background([&] { return read_codec_weights(file, *d.enhancement, "enhancement", points); });
    liff = in_background([&] { return read_liff_weights(file, *d.liff); });
  }
  auto base = read_codec_weights(file, d.base, "base", points);
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
  model->decoder_id_ = decoder_id.get();
  return std::shared_ptr<const Model>(std::move(model));
}

float Model::rate_position(double quality) const {
  return static_cast<float>(std::clamp(quality, 0.0, 100.0) / 100.0 *
                            static_cast<double>(rate_points().size() - 1));
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

std::string to_string(const ModelId& id) {
  std::string out;
  for (const uint8_t byte : id) out += fmt::format("{:02x}", byte);
  return out;
}

}  // namespace compass
