// 3x3 convolutions with fewer multiplications: Winograd's minimal filtering F(2x2, 3x3), after A. Lavin and
// S. Gray, "Fast algorithms for convolutional neural networks" (CVPR 2016).
//
// Patches of 4x4 pixels make 2x2 outputs. Patches and kernels are taken to 16 points each, where a
// convolution is a product of matrices [patches, in] and [in, out] for every point: 16 multiplications
// instead of 36. The rest are sums. A point's values lie `stride` floats after those of the point before it.
#pragma once

#include <cstddef>

#include "core/size.h"

namespace compass::nn {

inline constexpr int kWinogradPoints = 16;

// Whether a map, `up` times as large as the convolution's outputs, has so many pixels that kernels are worth
// taking to their points. Parts of a map ask for the whole, so that they are computed as it is.
inline bool worth_winograd(Size map, int up) {
  return map.pixels() >= int64_t{256} * up * up;
}

// Kernels [count][3][3], count being out * in, to [16][count].
void winograd_kernels(const float* kernels, size_t count, float* points);

// A tile [rows+2][cols+2][channels] to [16][rows/2 * cols/2][channels]. Rows and columns are even, channels a
// multiple of 16.
void winograd_patches(const float* tile, int rows, int cols, size_t channels, float* points, size_t stride);

// Products [16][rows/2 * cols/2][channels] to the tile [rows][cols][channels] of outputs: plus bias
// [channels], negative values times `slope`, which is at most 1.
void winograd_outputs(const float* points, size_t stride, int rows, int cols, size_t channels,
                      const float* bias, float slope, float* tile);

namespace plain {
void winograd_patches(const float* tile, int rows, int cols, size_t channels, float* points, size_t stride);
void winograd_outputs(const float* points, size_t stride, int rows, int cols, size_t channels,
                      const float* bias, float slope, float* tile);
}  // namespace plain

}  // namespace compass::nn
