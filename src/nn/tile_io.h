// Tiles: how small blocks of feature maps come into a worker's memory and go back. All padding, alignment,
// concatenation, cropping and pixel shuffling of the networks happens in these copies.
#pragma once

#include <span>

#include "nn/map.h"

namespace compass::nn {

// Replicate padding in front of a map (`top`, `left`) that an aligning op asks for.
struct Padding {
  int top = 0;
  int left = 0;
};

// Copies rows [y, y + rows) and columns [x, x + cols) of the padded map into `tile`, converting to the tile's
// format. Coordinates count in the padded map (view.full plus padding); outside of it are zeros, as is what
// the view does not hold (callers need none of that). Pixel p's channels go to tile[p*tile_pitch + at ...],
// channels from view.channels on to the next multiple of kChannelBlock are zeroed as far as `tile_pitch` has
// room.
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

// tile += the values of a view (pitch = tile_pitch) at the places where scatter, with up = 1, would put
// them.
void add_view(const MapView& view, float* tile, int rows, int cols, int tile_pitch, const Placement& place);

// One phase of a transposed convolution: pixel (row, col) is sub-pixel (dy, dx) alone. The tile's rows have
// tile_cols >= cols pixels.
void scatter_phase(const float* tile, int rows, int cols, int tile_cols, int tile_pitch, int dy, int dx,
                   const Placement& place, Map& map);

// scatter for a tile that is bf16 already and a map without f32 copy.
void scatter(const BFloat16* tile, int rows, int cols, int tile_pitch, int sub_pitch, const Placement& place,
             Map& map);

}  // namespace compass::nn
