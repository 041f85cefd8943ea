// The inner loops of the loop filter (codec/loop_filter.h) and of fitting its coefficients: sums of linear
// filters, each multiplied by a gate of its own at every pixel, and products of rows of pixels. They exist
// twice: with Highway, and as plain loops that say what they compute.
#pragma once

#include <cstddef>

#include "nn/arithmetic.h"

namespace compass::nn {

inline constexpr size_t kFilterGates = 9;
// Pixels by which input and output arrays must extend beyond the n that are wanted.
inline constexpr size_t kFilterPadding = 32;

// out[x] = sum over gates g of gates[g][x] * (weights[taps*9 + g] + sum over t of weights[t*9 + g] *
// tap[t][x]), for x < n. Reads and writes up to kFilterPadding - 1 elements more.
void gated_filter(const float* const* tap, size_t taps, const float* const* gates, const float* weights,
                  float* out, size_t n, Arithmetic arithmetic);

// The same for `filters` sets of weights, which follow each other: out[f * stride + x]. At most
// kMaxFilterTaps taps.
inline constexpr size_t kMaxFilterTaps = 48;
void gated_filters(const float* const* tap, size_t taps, const float* const* gates, const float* weights,
                   size_t filters, float* out, size_t stride, size_t n);

// products[i * n + j] += sum over x < length of row i times row j, for j >= i. Rows follow each other;
// `length` is a multiple of 16.
void add_row_products(const float* rows, size_t n, size_t length, double* products);

namespace plain {
void add_row_products(const float* rows, size_t n, size_t length, double* products);
void gated_filter(const float* const* tap, size_t taps, const float* const* gates, const float* weights,
                  float* out, size_t n);
void gated_filters(const float* const* tap, size_t taps, const float* const* gates, const float* weights,
                   size_t filters, float* out, size_t stride, size_t n);
}  // namespace plain

}  // namespace compass::nn
