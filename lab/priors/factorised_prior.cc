#include "priors/factorised_prior.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "priors/pmf.h"

namespace compass {
namespace {

constexpr double kTailMass = 1e-9;  // of both sides together
constexpr int kMaxReach = 2000;     // symbols from 0, where no quantile limits a row

// Elementary functions in float32, each operation computed in double and rounded. The result does not depend
// on a machine's float library, and follows PyTorch's operations, from which the reference's tables come.
float exp_f(float x) {
  return static_cast<float>(std::exp(static_cast<double>(x)));
}
float tanh_f(float x) {
  return static_cast<float>(std::tanh(static_cast<double>(x)));
}
float sigmoid(float x) {
  return 1.0F / (1.0F + exp_f(-x));
}
float softplus(float x) {
  // Beyond PyTorch's threshold of 20 the function is its argument.
  return x > 20.0F ? x : static_cast<float>(std::log1p(static_cast<double>(exp_f(x))));
}

bool all_finite(std::span<const float> values) {
  return std::ranges::all_of(values, [](float v) { return std::isfinite(v); });
}

// Probability between two logits, taken on the side where both are small (their difference keeps its digits).
float between(float lower, float upper) {
  // CompressAI multiplies by a sign of 0, and gets probability 0, where the two are exactly opposite; we do
  // not.
  const float sign = lower + upper > 0 ? -1.0F : 1.0F;
  return std::fabs(sigmoid(sign * upper) - sigmoid(sign * lower));
}

// `count` symbols from `offset` on, relative to `origin`. The escape gets the mass below the first and above
// symbol number `last`: for the reference's tables that is the end of the longest row, whichever row this is.
PmfRow make_row(const FactorisedPrior& prior, int channel, float origin, int offset, int count, int last) {
  PmfRow row{offset, {}};
  const float start = origin + static_cast<float>(offset);
  for (int s = 0; s < count; ++s) {
    const float value = static_cast<float>(s) + start;
    row.pmf.push_back(between(prior.logit(channel, value - 0.5F), prior.logit(channel, value + 0.5F)));
  }
  const float below = sigmoid(prior.logit(channel, start - 0.5F));
  const float above = sigmoid(-prior.logit(channel, static_cast<float>(last) + start + 0.5F));
  row.pmf.push_back(below + above);
  return row;
}

// Symbols from the origin, in direction -1 or 1, until at most half the tail mass lies beyond.
int reach(const FactorisedPrior& prior, int channel, int direction) {
  const double tail = std::log(kTailMass / 2);  // logit of a small probability is its logarithm
  for (int r = 0; r < kMaxReach; ++r) {
    const float edge = static_cast<float>(direction) * (static_cast<float>(r) + 0.5F);
    if (static_cast<float>(direction) * -prior.logit(channel, edge) <= tail) return r;
  }
  return kMaxReach;
}

}  // namespace

Status FactorisedPrior::check() const {
  const auto fail = [](const std::string& what) {
    return Error{ErrorCode::kFailure, "factorised prior: " + what};
  };
  if (channels < 1 || layers.empty()) return fail("it has no channels or no layers");
  int width = 1;
  for (size_t k = 0; k < layers.size(); ++k) {
    const Layer& layer = layers[k];
    const bool last = k + 1 == layers.size();
    const auto rows = static_cast<size_t>(channels) * std::max(layer.out, 0);
    if (layer.in != width || layer.out < 1 || (last && layer.out != 1) ||
        layer.matrix.size() != rows * layer.in || layer.bias.size() != rows ||
        layer.factor.size() != (last ? 0 : rows)) {
      return fail("layer " + std::to_string(k) + " does not fit");
    }
    if (!all_finite(layer.matrix) || !all_finite(layer.bias) || !all_finite(layer.factor)) {
      return fail("layer " + std::to_string(k) + " holds numbers that are not finite");
    }
    width = layer.out;
  }
  if (quantiles.size() != static_cast<size_t>(channels) * 3 || !all_finite(quantiles)) {
    return fail("the quantiles are missing or not finite");
  }
  return {};
}

float FactorisedPrior::logit(int channel, float value) const {
  std::vector<float> v{value};
  std::vector<float> next;
  for (const Layer& layer : layers) {
    next.assign(layer.out, 0.0F);
    for (int o = 0; o < layer.out; ++o) {
      const size_t row = static_cast<size_t>(channel) * layer.out + o;
      double sum = 0;  // PyTorch, too, sums small products in double
      for (int i = 0; i < layer.in; ++i) {
        sum += static_cast<double>(softplus(layer.matrix[row * layer.in + i])) * v[i];
      }
      next[o] = static_cast<float>(sum) + layer.bias[row];
      if (!layer.factor.empty()) next[o] += tanh_f(layer.factor[row]) * tanh_f(next[o]);
    }
    v.swap(next);
  }
  return v[0];
}

float FactorisedPrior::likelihood(int channel, float value) const {
  return between(logit(channel, value - 0.5F), logit(channel, value + 0.5F));
}

Result<CdfTables> factorised_tables(const FactorisedPrior& prior, ZOrigin origin) {
  if (Status s = prior.check(); !s) return s.error();
  std::vector<int> below(prior.channels);
  std::vector<int> above(prior.channels);
  int longest = 0;
  for (int c = 0; c < prior.channels; ++c) {
    if (origin == ZOrigin::kMedian) {
      const float* q = prior.quantiles.data() + static_cast<size_t>(c) * 3;
      // Far beyond what 16 bits can code, but within int.
      below[c] = static_cast<int>(std::clamp(std::ceil(q[1] - q[0]), 0.0F, 1e6F));
      above[c] = static_cast<int>(std::clamp(std::ceil(q[2] - q[1]), 0.0F, 1e6F));
    } else {
      below[c] = reach(prior, c, -1);
      above[c] = reach(prior, c, 1);
    }
    const int count = below[c] + above[c] + 1;
    if (count >= static_cast<int>(kCdfTotal)) {
      return Error{ErrorCode::kFailure, "factorised prior: channel " + std::to_string(c) + " spans " +
                                            std::to_string(count) + " symbols, more than 16 bits can code"};
    }
    longest = std::max(longest, count);
  }

  std::vector<PmfRow> rows;
  for (int c = 0; c < prior.channels; ++c) {
    const bool median = origin == ZOrigin::kMedian;
    const int count = below[c] + above[c] + 1;
    rows.push_back(make_row(prior, c, median ? prior.median(c) : 0.0F, -below[c], count,
                            (median ? longest : count) - 1));
  }
  return quantised_tables(rows);
}

}  // namespace compass
