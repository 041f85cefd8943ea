// Our own codec under evaluation, in this process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "codec/codec_options.h"
#include "eval/codec.h"
#include "model_file/model.h"

namespace compass::eval {

// One point of the rate axis: a variable-rate model has one per quality, fixed-rate models (the paper's) one
// each.
struct CompassPoint {
  std::string setting;  // its name in tables
  std::shared_ptr<const Model> model;
  double quality = 50;
};

enum class CompassVariant {
  kLayers,   // "compass": all layers in one file, as it is meant
  kEffort,   // "compass-effort": the same with --effort 12
  kBicubic,  // "compass-bicubic": the same with bicubic up-sampling in LIFF's place, the paper's ablation
  kBase,  // "compass-base": the base codec alone, one file per size: what the paper calls single-layer, and
          // simulcast
};

// Files are written and read back; layer k is decoded from the beginning of the file that holds its bytes and
// no more. Times are of encode() and decode() alone, with a model in memory, not of a process's start.
// `program` identifies the running program (a hash of the executable): results are kept under it. `name`
// takes the place of the variant's, if there is one.
std::shared_ptr<const EvaluatedCodec> make_compass_codec(CompassVariant variant,
                                                         std::vector<CompassPoint> points,
                                                         CodecOptions options, std::string program,
                                                         std::string name = {});

// Points for models and qualities: every quality of the only model; of two models for all rates, the second
// from kHighQuality on; one point per model if each is for one rate. Errors: kUsage (a quality that is no
// number in 0..100, models that make no curve).
Result<std::vector<CompassPoint>> compass_points(const std::vector<std::shared_ptr<const Model>>& models,
                                                 const std::vector<std::string>& qualities);

}  // namespace compass::eval
