// The factorised prior of z (Balle et al. 2018, appendix 6.1; CompressAI's EntropyBottleneck): per channel, a
// small monotone network that gives the logit of a cumulative distribution. It exists while training and when
// a model is exported or imported; decoders only ever see the integer tables made from it here.
//
// One channel's network, layers 0..K: v = softplus(matrix) v + bias, then (not after the last layer)
// v = v + tanh(factor) * tanh(v). v starts as the value's one number and ends as one number, the logit.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"
#include "entropy/cdf_tables.h"

namespace compass {

// The trained parameters as they are stored: C order, the channel slowest.
struct FactorisedPrior {
  struct Layer {
    int in = 0;
    int out = 0;
    std::vector<float> matrix;  // [C,out,in]
    std::vector<float> bias;    // [C,out,1]
    std::vector<float> factor;  // [C,out,1]; empty in the last layer
  };
  int channels = 0;
  std::vector<Layer> layers;     // first in = 1, last out = 1; five of widths 3 in every published model
  std::vector<float> quantiles;  // [C,1,3]: 0.5e-9 quantile, median, upper quantile

  // kFailure if the parts do not fit together or hold anything but finite numbers.
  Status check() const;

  float median(int channel) const { return quantiles[static_cast<size_t>(channel) * 3 + 1]; }

  // Logit of the probability that channel `channel` is below `value`; float32 throughout.
  float logit(int channel, float value) const;

  // Probability of the unit interval around `value`, in float32.
  float likelihood(int channel, float value) const;
};

// What z's symbols count from.
enum class ZOrigin {
  kMedian,   // symbol s stands for median + s (the reference's models)
  kInteger,  // symbol s stands for s (ours: no float between the stream and h_s)
};

// Integer tables, a row per channel.
// kMedian: from lower to upper quantile around the median, as CompressAI's update() does.
// kInteger: the quantiles are not used; each row reaches out until 0.5e-9 of the mass is left on a side, and
// at most 2000 symbols in either direction (a trained prior needs a few dozen).
// Errors: kFailure as check(), or if a row would be too long for 16-bit frequencies.
Result<CdfTables> factorised_tables(const FactorisedPrior& prior, ZOrigin origin);

}  // namespace compass
