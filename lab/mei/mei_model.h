// A model of Mei et al.'s system: one safetensors file, as compass-train writes it.
//
// Metadata: format "compass-mei", version "1"; "compass" is the description of a one-layer model, its base
// codec; "mei" is mei_description.h's. Tensors: base.*, and for enhancement layer k (1, 2) what a codec has
// under layer<k>., beside the networks of P and U (layer1.reduce.0.weight).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "mei/mei_description.h"
#include "model_file/description.h"
#include "model_file/model_ids.h"
#include "model_file/weights.h"

namespace compass {

inline constexpr std::string_view kMeiFormat = "compass-mei";

// As MeiPrediction::networks() has them.
struct MeiPredictionWeights {
  std::vector<nn::OpWeights> reduce, first, second, enlarge, context;
};

// Shared as const.
class MeiModel {
 public:
  // Errors: kIo; kModel naming the tensor or field.
  static Result<std::shared_ptr<const MeiModel>> load(const std::string& path);
  static Result<std::shared_ptr<const MeiModel>> parse(std::vector<uint8_t> bytes);

  const std::string& name() const { return base_description.name; }
  double lambda() const { return base_description.rate_points.front(); }

  Description base_description;
  MeiDescription mei;
  CodecWeights base;
  std::vector<CodecWeights> codecs;               // of the enhancement layers
  std::vector<MeiPredictionWeights> predictions;  // of the same
  ModelId id{};
  int64_t parameters = 0;  // tables not counted

 private:
  static Result<std::shared_ptr<const MeiModel>> from(const Safetensors& file);
};

// The prefix of enhancement layer k's tensors, k from 1 on: "layer1".
std::string mei_layer_prefix(size_t k);

}  // namespace compass
