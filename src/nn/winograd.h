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
#include "nn/arithmetic.h"
#include "nn/pixel_grid.h"

namespace compass::nn {

// Whether Winograd's algorithm pays off for a map of this size, which is `up` times as large as the
// convolution's outputs: transforming the weights must not take longer than it saves. `map` is the whole map
// even where a part of it is computed, so that parts and wholes are computed alike.
inline bool worth_winograd(Size map, int up) {
  return map.pixels() >= int64_t{256} * up * up;
}

// Conv weights [out][in][3][3] to 36 matrices [in,out] in panels (nn/panel_product.h): [36][out/16][in][16].
// `out` is a multiple of 16.
void winograd_kernels(const float* kernels, size_t in, size_t out, float* points);

// What one call transforms: rows and columns of outputs, multiples of 4, and channels, a multiple of 16.
struct WinogradTile {
  int rows = 0;
  int cols = 0;
  size_t channels = 0;
};

// The points of a tile's blocks: channel c of block b at point p is at data[p * stride + b * pitch + c].
template <typename Float>
struct WinogradPoints {
  Float* data = nullptr;
  size_t stride = 0;
  size_t pitch = 0;
};

// Input pixels [rows+2][cols+2] to points.
void winograd_inputs(const PixelGrid<const float>& pixels, const WinogradTile& tile,
                     const WinogradPoints<float>& points, Arithmetic arithmetic);

// Products to outputs [rows][cols]: plus bias [channels], negative values times `slope`, which is at most 1,
// plus the pixel of `addend` if there is one, which may be the output itself. Only outputs inside `clip`,
// counted from the tile's first, are written, and of the addend only those are read.
void winograd_outputs(const WinogradPoints<const float>& points, const WinogradTile& tile, const float* bias,
                      float slope, const PixelGrid<const float>& addend, const Rect& clip,
                      const PixelGrid<float>& outputs, Arithmetic arithmetic);

namespace plain {
// The bits of Arithmetic::kExact.
void winograd_inputs(const PixelGrid<const float>& pixels, const WinogradTile& tile,
                     const WinogradPoints<float>& points);
void winograd_outputs(const WinogradPoints<const float>& points, const WinogradTile& tile, const float* bias,
                      float slope, const PixelGrid<const float>& addend, const Rect& clip,
                      const PixelGrid<float>& outputs);
}  // namespace plain

}  // namespace compass::nn
