#include "eval/rivals.h"

#include <fmt/format.h>

#include "eval/complexity.h"
#include "eval/mei/mei_codec.h"
#include "eval/mei/mei_system.h"
#include "model_file/safetensors.h"

namespace compass::eval {
namespace {

// What a model's file is of, in words.
std::string kind_of(const Model& model) {
  if (model.layered()) return "COMPASS with enhancement layers";
  return model.codec(CodecKind::kBase).factorised() ? "a one-layer codec with a factorised prior"
                                                    : "a one-layer codec with a hyperprior";
}

Result<bool> is_mei(const std::string& path) {
  const auto file = Safetensors::load(path);
  if (!file) return file.error();
  return file->metadata("format") == kMeiFormat;
}

}  // namespace

Result<Rival> load_rival(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
    return Error{ErrorCode::kUsage,
                 fmt::format("--rival: '{}' is not NAME=MODEL or NAME=MODEL,MODEL,...", text)};
  }
  Rival rival{text.substr(0, equals), {}, {}};
  std::string first, kind;
  for (size_t begin = equals + 1; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string path = text.substr(begin, end - begin);
    begin = end + 1;
    const Result<bool> mei = is_mei(path);
    if (!mei) return mei.error();
    std::string is = "Mei et al.'s layers";
    if (*mei) {
      auto model = MeiModel::load(path);
      if (!model) return model.error();
      rival.mei.push_back(std::move(*model));
    } else {
      auto model = Model::load(path);
      if (!model) return model.error();
      is = kind_of(**model);
      rival.models.push_back(std::move(*model));
    }
    if (kind.empty()) {
      first = path;
      kind = is;
    } else if (kind != is) {
      return Error{ErrorCode::kUsage,
                   fmt::format("--rival {}: {} is {}, but {} is {}", rival.name, first, kind, path, is)};
    }
  }
  return rival;
}

Result<Contestant> rival_contestant(const Rival& rival, const std::vector<std::string>& qualities,
                                    const CodecOptions& options, const std::string& program) {
  if (!rival.mei.empty())
    return Contestant{make_mei_codec(rival.name, rival.mei, options, program), true, true};
  const bool one_rate = rival.models.front()->rate_points().size() == 1;
  auto points = compass_points(rival.models, one_rate ? std::vector<std::string>{"50"} : qualities);
  if (!points)
    return Error{points.error().code, fmt::format("--rival {}: {}", rival.name, points.error().message)};
  const auto variant = rival.models.front()->layered() ? CompassVariant::kLayers : CompassVariant::kBase;
  return Contestant{make_compass_codec(variant, std::move(*points), options, program, rival.name), true,
                    true};
}

std::string rival_cost(const Rival& rival, const std::vector<Size>& sizes) {
  if (!rival.mei.empty()) {
    if (!MeiSystem::accepts(sizes)) return "";
    const MeiCost cost = MeiSystem(rival.mei.front(), 1, Precision::kF32).cost(sizes);
    const double scale = 1e-3 / static_cast<double>(sizes.back().pixels());
    return fmt::format("{:.1f} kMAC/px to encode, {:.1f} to decode", cost.encode * scale,
                       cost.decode * scale);
  }
  const auto& model = rival.models.front();
  const std::vector<Size> own = model->layered() ? sizes : std::vector<Size>{sizes.back()};
  return to_text(complexity_of(model, own));
}

}  // namespace compass::eval
