// The inner loops that make the loop filter's gates (codec/loop_filter.h): products of luma's slopes, and
// from their sums around each pixel how large the slopes are and which way they go. They exist twice: with
// Highway, and as plain loops that say what they compute. Both round alike: nothing is fused.
#pragma once

#include <array>
#include <cstddef>

#include "nn/gated_filter.h"

namespace compass::nn {

// Rows of the products of a pixel's slopes: across times across, down times down, across times down.
inline constexpr size_t kSlopeProducts = 3;

// With h = luma[x+1] - luma[x-1] and v = luma[x+stride] - luma[x-stride], for x < n: products[0][x] = h*h,
// products[1][x] = v*v, products[2][x] = h*v. Reads and writes up to kFilterPadding - 1 elements more.
void slope_products(const float* luma, ptrdiff_t stride, const std::array<float*, kSlopeProducts>& products,
                    size_t n);

// Products are summed over so many rows and columns.
inline constexpr size_t kGateWindow = 5;

// Where gates open, in units of scaled sums.
struct GateLevels {
  float scale = 1.0F;  // times the sums
  float calm = 1.0F, busy = 1.0F, floor = 1.0F;
};

// Floats of a row of sums for n pixels.
constexpr size_t gate_sums(size_t n) {
  return n + 2 * kFilterPadding;
}

// The nine gates of pixels x < n. products[i][r * stride + c], for r and c < kGateWindow, are those around
// pixel 0. With S_i their sums times `scale`, rows first, and t = S_0 + S_1:
//
//   level 0: 1 - t/(t+calm)   level 1: t/(t+calm) - t/(t+busy)   level 2: t/(t+busy)
//   gates[l] = level l, gates[3+l] = level l * (S_0-S_1)/(t+floor), gates[6+l] = level l * 2 S_2/(t+floor)
//
// (quotients as products with 1/(t+floor)). Reads and writes up to kFilterPadding - 1 elements more. `sums`
// has room for kSlopeProducts rows of gate_sums(n).
void filter_gates(const std::array<const float*, kSlopeProducts>& products, size_t stride,
                  const GateLevels& levels, float* sums, const std::array<float*, kFilterGates>& gates,
                  size_t n);

namespace plain {
void slope_products(const float* luma, ptrdiff_t stride, const std::array<float*, kSlopeProducts>& products,
                    size_t n);
void filter_gates(const std::array<const float*, kSlopeProducts>& products, size_t stride,
                  const GateLevels& levels, const std::array<float*, kFilterGates>& gates, size_t n);
}  // namespace plain

}  // namespace compass::nn
