// One stage of a training run, as a configuration's `training.stages` entry describes it (training_config.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "system.h"

namespace compass::train {

// What a stage minimises: rate and distortion of all layers, or the absolute error of inter-layer prediction
// alone.
enum class Loss { kRateDistortion, kPredictionL1 };

// How the layers' sizes are drawn. kAny: half the time 1/4, 1/2, 1, otherwise any two ratios from 1 to 3.
// kPaper: 1/4, U(1/4, 1/2), U(1/2, 1) of the patch (COMPASS, supplement). kHalves: 1/4, 1/2, 1.
enum class Sizes { kAny, kPaper, kHalves };

// Where patches come from. kRandom: anywhere in a picture, shrunk and flipped at random. kGrid: squares side
// by side in every picture, each once an epoch, as they are (patch_grid.h).
enum class Crops { kRandom, kGrid };

// How the learning rate goes on after the warm-up. kLinear and kCosine go down to a hundredth; kHalve3 and
// kHalve4 halve it after each third or quarter.
enum class Decay { kConstant, kLinear, kCosine, kHalve3, kHalve4 };

enum class OptimiserKind { kAdam, kMuon };

struct Stage {
  std::string name;
  std::vector<std::string> train;  // of "base", "enhancement", "liff", "mei": what learns; the rest is frozen
  Prediction prediction = Prediction::kBicubic;
  Loss loss = Loss::kRateDistortion;
  Sizes sizes = Sizes::kAny;
  Crops crops = Crops::kRandom;
  int64_t steps = 0;
  int64_t batch = 8;        // patches of a step, of this process
  int64_t base_batch = 0;   // and patches of half the side for the base codec alone
  int64_t patch = 256;      // pixels a side
  int64_t liff_every = 1;   // LIFF learns in one step of so many; see between_layers_at
  double max_shrink = 3.0;  // photos are shrunk by up to this before random crops
  double own_scale = 0.0;   // but not this share of them: text and lines are drawn at one scale
  // Of patches, by kind of picture (dataset.h). Of what is left, all other pictures have equal shares.
  std::map<std::string, double> shares;
  // How often places between each two neighbouring rate points are drawn, in any unit; empty: all as often.
  std::vector<double> rate_shares;
  double rate = 5e-4;       // of learning
  double gain_rate = 1.0;   // times that for gain vectors, which are logarithms
  double prior_rate = 1.0;  // times that for factorised priors, which start far wider than latents
  int64_t warmup = 0;       // steps
  Decay decay = Decay::kConstant;
  OptimiserKind optimiser = OptimiserKind::kAdam;
  std::string loop_filter;  // a model file whose loop filters correct all reconstructions; empty: none

  std::string quantiser;  // a model file whose dependent quantiser y goes through; empty: rounding

  int64_t search = 0;  // rounds of the search for better symbols

  bool trains(const std::string& part) const;
  // Only the base codec: nothing above the base layer is computed.
  bool base_only() const { return !trains("enhancement") && !trains("liff") && !trains("mei"); }
  bool trains_liff_at(int64_t step) const { return trains("liff") && step % liff_every == 0; }
  // The factor on gradients from a layer to the one below it. The backward pass through LIFF takes 40 % of a
  // step's time. So in steps in which LIFF does not learn the factor is 0 and the pass is left out; in the
  // others it is larger by as much.
  double between_layers_at(int64_t step) const {
    if (!trains("liff")) return 1.0;
    return trains_liff_at(step) ? static_cast<double>(liff_every) : 0.0;
  }
  // The place on the axis of `points` rate points at part `turn` of all draws, both in [0, 1).
  torch::Tensor rate_place(const torch::Tensor& turn, size_t points) const;
  // The learning rate at a step: warm-up, then `decay`.
  double rate_at(int64_t step) const;
};

}  // namespace compass::train
