// A training configuration (train/configs/): the description of a model, and how to train it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "model_file/description.h"
#include "stage.h"

namespace compass::train {

// Where weights begin: at random, or at the best linear transforms (linear_start.h).
enum class Start { kRandom, kLinear };

struct TrainingConfig {
  uint64_t seed = 1;
  bool bf16 = false;             // `precision`: "f32" or "bf16", where the processor multiplies it
  int validation_pictures = 24;  // held back from training, of each kind
  double average = 0.999;        // decay of the weights' moving average, per step
  double checkpoint_seconds = 300.0;
  double validate_seconds = 900.0;
  int64_t counted_patches = 1024;  // patches whose symbols make y's tables at export
  Start start = Start::kRandom;
  std::vector<std::string> eight_bits;  // modules whose kernels are exported as 8-bit integers
  std::string data;                     // what the pictures are, for the exported model's provenance
  std::vector<Stage> stages;            // one at least
};

struct Config {
  Description model;
  std::optional<MeiDescription> mei;  // enhancement layers upon a one-layer model
  TrainingConfig training;
};

// Reads a configuration and checks everything that can be checked before the first step. Unknown keys are
// errors, at every level. Errors: kUsage with the place and what belongs there ("training.stages.0.decay:
// ..."); kModel for the model's description.
Result<Config> parse_config(std::string_view json);

// Leaves the last stage alone, for so many steps: what weights still need that were trained for another rate.
void keep_last_stage(TrainingConfig& training, int64_t steps);

}  // namespace compass::train
