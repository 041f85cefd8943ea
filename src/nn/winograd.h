// 3x3 convolutions with fewer multiplications: Winograd's minimal filtering F(4x4, 3x3), after A. Lavin and
// S. Gray, "Fast algorithms for convolutional neural networks" (CVPR 2016).
//
// 6x6 input pixels make a block of 4x4 outputs. Linear maps take the input pixels and the conv weights to 36
// points each. There the convolution is one product of matrices [blocks, in] and [in, out] for each point: 36
// multiplications instead of 144, for every block and pair of channels. A third linear map takes the products
// to outputs. A point's values lie `stride` floats behind those of the point before it.
#pragma once

#include <cstddef>

#include "core/size.h"
#include "graph/winograd_points.h"

namespace compass::nn {

// Whether Winograd's algorithm pays off for a map of this size, which is `up` times as large as the
// convolution's outputs: transforming the weights must not take longer than it saves. `map` is the whole map
// even where a part of it is computed, so that parts and wholes are computed alike.
inline bool worth_winograd(Size map, int up) {
  return map.pixels() >= int64_t{256} * up * up;
}

// Conv weights [out][in][3][3] to 36 matrices [in,out] in panels (nn/matrix_product.h): [36][out/16][in][16].
// `out` is a multiple of 16.
void winograd_kernels(const float* kernels, size_t in, size_t out, float* points);

// An input tile [rows+2][cols+2][channels] to points [36][rows/4 * cols/4][channels]. Rows and columns are
// multiples of 4, channels of 16.
void winograd_inputs(const float* tile, int rows, int cols, size_t channels, float* points, size_t stride);

// Products [36][rows/4 * cols/4][channels] to the tile [rows][cols][channels] of outputs: plus bias
// [channels], negative values times `slope`, which is at most 1.
void winograd_outputs(const float* points, size_t stride, int rows, int cols, size_t channels,
                      const float* bias, float slope, float* tile);

namespace plain {
void winograd_inputs(const float* tile, int rows, int cols, size_t channels, float* points, size_t stride);
void winograd_outputs(const float* points, size_t stride, int rows, int cols, size_t channels,
                      const float* bias, float slope, float* tile);
}  // namespace plain

}  // namespace compass::nn
