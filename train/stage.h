// One stage of a training run, as a configuration's `training.stages` entry describes it.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "system.h"

namespace compass::train {

// What a stage minimises: rate and distortion of all layers, or the absolute error of inter-layer prediction
// alone.
enum class Loss { kRateDistortion, kPredictionL1 };

// How the layers' sizes are drawn. kAny: half the time 1/4, 1/2, 1, otherwise any two ratios from 1 to 3.
// kPaper: 1/4, U(1/4, 1/2), U(1/2, 1) of the patch (COMPASS, supplement).
enum class Sizes { kAny, kPaper };

struct Stage {
  std::string name;
  std::vector<std::string> train;  // of "base", "enhancement", "liff": what learns; the rest is frozen
  Prediction prediction = Prediction::kBicubic;
  Loss loss = Loss::kRateDistortion;
  Sizes sizes = Sizes::kAny;
  int64_t steps = 0;
  int64_t batch = 8;        // patches of a step, of this process
  int64_t base_batch = 0;   // and patches of half the side for the base codec alone
  int64_t patch = 256;      // pixels a side
  double max_shrink = 3.0;  // photos are shrunk by up to this before they are cut
  double rate = 5e-4;       // of learning
  int64_t warmup = 0;       // steps
  std::string decay = "constant";
  std::string optimiser = "adam";

  bool trains(const std::string& part) const;
  // Only the base codec: nothing above the base layer is computed.
  bool base_only() const { return !trains("enhancement") && !trains("liff"); }
  // The learning rate at a step: warm-up, then `decay`: "constant", "linear" or "cosine" to a hundredth, or
  // "halve3" and "halve4", halved after each third or quarter.
  double rate_at(int64_t step) const;
};

// Throws c10::Error naming the stage and the key that is wrong.
Stage parse_stage(const nlohmann::json& description);

}  // namespace compass::train
