// The inner loop of the loop filter (codec/loop_filter.h): a sum of linear filters, each multiplied by a gate
// of its own at every pixel. It exists twice: with Highway, and as a plain loop that says what it computes.
#pragma once

#include <cstddef>

namespace compass::nn {

inline constexpr size_t kFilterGates = 9;
// Pixels that arrays must hold beyond the last one that counts.
inline constexpr size_t kFilterPadding = 32;

// out[x] = sum over gates g of gates[g][x] * (weights[taps*9 + g] + sum over t of weights[t*9 + g] *
// tap[t][x]), for x < n. Reads and writes up to kFilterPadding - 1 elements more.
void gated_filter(const float* const* tap, size_t taps, const float* const* gates, const float* weights,
                  float* out, size_t n);

namespace plain {
void gated_filter(const float* const* tap, size_t taps, const float* const* gates, const float* weights,
                  float* out, size_t n);
}  // namespace plain

}  // namespace compass::nn
