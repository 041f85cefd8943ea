#include "mei/mei_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/printable.h"
#include "model_file/model_ids.h"
#include "model_file/safetensors.h"

namespace compass {
namespace {

Error bad(const std::string& what) {
  return {ErrorCode::kModel, "mei model: " + what};
}

// Weights of P and U under a layer's prefix.
Result<MeiPredictionWeights> read_prediction(const Safetensors& file, const MeiPrediction& prediction,
                                             const std::string& prefix) {
  MeiPredictionWeights weights;
  const std::array<std::vector<nn::OpWeights>*, 5> places{&weights.reduce, &weights.first, &weights.second,
                                                          &weights.enlarge, &weights.context};
  const auto networks = prediction.networks();
  for (size_t i = 0; i < networks.size(); ++i) {
    auto read = read_network_weights(file, *networks[i].second, prefix + "." + networks[i].first, 1);
    if (!read) return read.error();
    *places[i] = std::move(*read);
  }
  return weights;
}

// No tensor but those of the descriptions.
Status check_tensors(const Safetensors& file, const MeiModel& model) {
  std::vector<std::string> known = codec_tensor_names(model.base_description.base, "base");
  const auto add = [&](std::vector<std::string> more) {
    known.insert(known.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  for (size_t k = 0; k < model.mei.layers.size(); ++k) {
    const std::string prefix = mei_layer_prefix(k + 1);
    add(codec_tensor_names(model.mei.layers[k].codec, prefix));
    for (const auto& [name, ops] : model.mei.layers[k].prediction.networks()) {
      add(network_tensor_names(*ops, prefix + "." + name));
    }
  }
  std::ranges::sort(known);
  int64_t elements = 0;
  for (const auto& [name, view] : file.tensors()) {
    elements += view.elements();
    if (elements > kMaxParameters) return bad(fmt::format("has more than {} parameters", kMaxParameters));
    const bool density = name.find(".density.") != std::string::npos;
    if (!density && !std::ranges::binary_search(known, name)) {
      return bad("tensor " + printable(name) + " is not part of its description");
    }
  }
  return {};
}

}  // namespace

std::string mei_layer_prefix(size_t k) {
  return fmt::format("layer{}", k);
}

Result<std::shared_ptr<const MeiModel>> MeiModel::load(const std::string& path) {
  auto file = Safetensors::load(path);
  if (!file) return file.error();
  auto model = from(*file);
  if (!model) return Error{model.error().code, path + ": " + model.error().message};
  return model;
}

Result<std::shared_ptr<const MeiModel>> MeiModel::parse(std::vector<uint8_t> bytes) {
  auto file = Safetensors::parse(std::move(bytes));
  if (!file) return file.error();
  return from(*file);
}

Result<std::shared_ptr<const MeiModel>> MeiModel::from(const Safetensors& file) {
  if (file.metadata("format") != kMeiFormat) {
    return bad(fmt::format("not a model of this system (its metadata lacks format: {})", kMeiFormat));
  }
  if (file.metadata("version") != "1") return bad("has a version that this program does not read");
  auto model = std::make_shared<MeiModel>();
  auto base = parse_description(file.metadata(kDescriptionKey));
  if (!base) return base.error();
  if (base->enhancement) return bad("its base codec is described with enhancement layers of COMPASS");
  if (base->rate_points.size() != 1) return bad("has more than one rate point");
  model->base_description = std::move(*base);
  auto mei = parse_mei(file.metadata("mei"), model->base_description.base);
  if (!mei) return mei.error();
  model->mei = std::move(*mei);
  if (const Status fits = check_tensors(file, *model); !fits) return fits.error();

  auto weights = read_codec_weights(file, model->base_description.base, "base", 1, true);
  if (!weights) return weights.error();
  model->base = std::move(*weights);
  for (size_t k = 0; k < model->mei.layers.size(); ++k) {
    const std::string prefix = mei_layer_prefix(k + 1);
    auto codec = read_codec_weights(file, model->mei.layers[k].codec, prefix, 1, true);
    if (!codec) return codec.error();
    model->codecs.push_back(std::move(*codec));
    auto prediction = read_prediction(file, model->mei.layers[k].prediction, prefix);
    if (!prediction) return prediction.error();
    model->predictions.push_back(std::move(*prediction));
  }
  for (const auto& [name, view] : file.tensors()) {
    const bool table = name.find(".y.") != std::string::npos || name.find(".z.") != std::string::npos;
    if (!table) model->parameters += view.elements();
  }
  Description described = model->base_description;
  described.canonical += model->mei.canonical;
  model->id = model_id(described, file);
  return std::shared_ptr<const MeiModel>(std::move(model));
}

}  // namespace compass
