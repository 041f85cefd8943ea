// Copies of tiles of feature maps into a worker's memory, and back. All padding, alignment, concatenation,
// cropping and pixel shuffling around convolutions happens in these copies.
#pragma once

#include <span>

#include "nn/map.h"

namespace compass::nn {

// Rows and columns of replicate padding at a map's start, before an aligning op; or those that are cropped
// there.
struct Padding {
  int top = 0;
  int left = 0;
};

// Copies rows [y, y + rows) and columns [x, x + cols) of the padded map into `tile`, converting to the tile's
// format. Coordinates are those of the padded map (view.full plus padding). What lies outside of it, or is
// not held by the view, is zero. Pixel p's channels go to tile[p*tile_pitch + at ...], channels from
// view.channels on to the next multiple of kChannelBlock are zeroed as far as `tile_pitch` has room.
void gather(const MapView& view, const Padding& padding, int y, int x, int rows, int cols, Element element,
            void* tile, int tile_pitch, int at = 0);

// Bytes that must be readable behind the input and writable behind the output of expand_neighbourhoods.
inline constexpr size_t kExpandSlack = 32;

// Lays out the kernel_h x kernel_w neighbourhoods of a tile's pixels as the channels of a new tile, ordered
// (ky, kx, c), with zeros up to `out_pitch`: a convolution of few channels becomes a 1x1 one of many.
// `tile` is [(rows-1)*stride + kernel, (cols-1)*stride + kernel, channels], densely packed.
void expand_neighbourhoods(const void* tile, Element element, int channels, int kernel, int stride, int rows,
                           int cols, void* out, int out_pitch);

// Where a tile's pixels go. Tile pixel (row, col), sub-pixel (dy, dx), lands at
// (up*(row0 + row) + dy - crop_top, up*(col0 + col) + dx - crop_left) of the map; what falls outside `bounds`
// is dropped.
struct Placement {
  int row0 = 0;
  int col0 = 0;
  int up = 1;
  int crop_top = 0;
  int crop_left = 0;
  Rect bounds;
};

// Writes a tile [rows, cols, tile_pitch] of f32 whose channels are ordered (dy, dx, c), c < sub_pitch, into
// the map's copies.
void scatter(const float* tile, int rows, int cols, int tile_pitch, int sub_pitch, const Placement& place,
             Map& map);

// Adds to the tile the values of a view, whose pitch is tile_pitch, at the positions to which scatter() with
// up = 1 would write the tile.
void add_view(const MapView& view, float* tile, int rows, int cols, int tile_pitch, const Placement& place);

// scatter() for one phase of a transposed convolution: the tile has sub-pixel (dy, dx) only. Its rows have
// tile_cols >= cols pixels.
void scatter_phase(const float* tile, int rows, int cols, int tile_cols, int tile_pitch, int dy, int dx,
                   const Placement& place, Map& map);

// scatter() for a tile in bf16 and a map without a copy in f32.
void scatter(const BFloat16* tile, int rows, int cols, int tile_pitch, int sub_pitch, const Placement& place,
             Map& map);

}  // namespace compass::nn
