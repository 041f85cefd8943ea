#include "codec/symbol_search.h"

#include <algorithm>
#include <cmath>

#include "codec/search_constants.h"

namespace compass {
namespace {

constexpr auto kMoved = static_cast<uint64_t>(256.0 * kSearchMoved + 0.5);  // of 256

// Evenly spread bits from a place (SplitMix64's finaliser): the same on every machine and for any threads.
uint64_t scattered(uint64_t a, uint64_t b, uint64_t c) {
  uint64_t x = a * 0x9E3779B97F4A7C15ULL + b * 0xBF58476D1CE4E5B9ULL + c * 0x94D049BB133111EBULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

}  // namespace

float SymbolSearch::probe(int channel, int y, int x) {
  return (scattered(static_cast<uint64_t>(channel), static_cast<uint64_t>(y), static_cast<uint64_t>(x)) &
          1U) != 0
             ? kProbe
             : -kProbe;
}

// Hutchinson's estimate of a diagonal: for independent signs n, the mean of n * (H n) is the diagonal of H.
// Elements of a channel are taken to be alike.
void SymbolSearch::measure(const Tensor& before, Rect tile, const Tensor& after, Rect part, float weight) {
  const int channels = before.channels;
  std::vector<double> sums(channels, 0.0);
  for (int y = part.y; y < part.y + part.height; ++y) {
    for (int x = part.x; x < part.x + part.width; ++x) {
      const float* first = before.pixel(y - tile.y, x - tile.x);
      const float* second = after.pixel(y - part.y, x - part.x);
      for (int c = 0; c < channels; ++c) sums[c] += (second[c] - first[c]) / (2.0 * probe(c, y, x));
    }
  }
  for (double& sum : sums) sum /= weight;
  const auto positions = static_cast<double>(part.size().pixels());
  double mean = 0.0;
  for (const double sum : sums) mean += sum / (positions * channels);
  mean = std::max(mean, 0.0);
  curvature_.resize(channels);
  for (int c = 0; c < channels; ++c) {
    const double own = (sums[c] + kSearchPrior * mean) / (positions + kSearchPrior);
    curvature_[c] =
        static_cast<float>(kSearchCaution * std::clamp(own, mean / kSearchFarthest, mean * kSearchFarthest));
  }
}

void SymbolSearch::move(int round, int y, int x, std::span<const float> gradient,
                        std::span<const float> weights, const Row& row) const {
  const float wanted = static_cast<float>(kSearchFirstGain) *
                       (1.0F - static_cast<float>(round + 1) / static_cast<float>(rounds_));
  const size_t channels = curvature_.size();
  for (size_t i = 0; i < gradient.size(); ++i) {
    const int32_t symbol = row.symbols[i];
    if (std::abs(symbol) >= SymbolCosts::kReach) continue;
    const float g = gradient[i];
    const float c = curvature_[i % channels] * (weights.empty() ? 1.0F : weights[i / channels]);
    const float* bits = costs_.row(row.indexes[i]) + SymbolCosts::kReach + symbol;
    const float up = g + c + bits[1] - bits[0];
    const float down = -g + c + bits[-1] - bits[0];
    if (std::min(up, down) >= -wanted) continue;
    const uint64_t place = static_cast<uint64_t>(x) * channels + i;
    if ((scattered(static_cast<uint64_t>(round) + 1, static_cast<uint64_t>(y), place) & 255U) >= kMoved)
      continue;
    row.symbols[i] += up < down ? 1 : -1;
    row.y_hat[i] = row.means[i] + static_cast<float>(row.symbols[i]);
  }
}

}  // namespace compass
