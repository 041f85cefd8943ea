// Which latents belong to a layer's blocks (bitstream/blocks.h), and which blocks a part of the layer takes.
// A layer that is not tiled is one block of each kind.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "bitstream/blocks.h"
#include "codec/layer.h"
#include "codec/pyramid_networks.h"

namespace compass {

// A grid of blocks laid over latents or hyper-latents.
class BlockPlaces {
 public:
  // Every block but the last ones of a row or column begins as many positions after the one before as lie in
  // `side` pixels, a position being `stride` pixels wide.
  BlockPlaces(Size grid, Size positions, int side, int stride)
      : grid_(grid), positions_(positions), side_(side), stride_(stride) {}

  Size grid() const { return grid_; }
  // The positions of a block, or of a rectangle of blocks.
  Rect positions(size_t block) const {
    return positions({static_cast<int>(block % grid_.width), static_cast<int>(block / grid_.width), 1, 1});
  }
  Rect positions(Rect blocks) const;
  // The smallest rectangle of blocks that holds these positions, at least one.
  Rect holding(Rect positions) const;

 private:
  int begin(int block, int blocks, int extent) const;
  int holding(int position, int blocks) const;

  Size grid_;
  Size positions_;
  int64_t side_;
  int64_t stride_;
};

// Those of the layer's y and z.
BlockPlaces latent_blocks(const PyramidNetworks& networks, const SpatialLayer& layer);
BlockPlaces hyper_blocks(const PyramidNetworks& networks, const SpatialLayer& layer);

// The blocks of z that h_s looks at for these latents; none with a factorised prior.
Rect hyper_footprint(const PyramidNetworks& networks, const SpatialLayer& layer, Rect latents);

// The pixels that a rectangle of blocks of y stands for, and those of the loop filter's regions whose
// coefficients a block holds, in the order in which it holds them.
Rect block_pixels(Size layer, Rect blocks);
std::vector<size_t> block_regions(Size layer, size_t block);

// What of a layer's stream its pixels `want` are made from. Rectangles of y and z count blocks.
struct NeededBlocks {
  Rect y;
  Rect z;
  Rect latents;  // of the blocks of y
};
NeededBlocks needed_blocks(const PyramidNetworks& networks, const SpatialLayer& layer, Rect want);

// Calls take(from, row, count) for the rows of a part of a map [h,w,channels] that holds the positions
// `held`: `count` elements from element `from` of the map on are those from element `row` of the part on.
template <typename Take>
void for_part_rows(Rect held, Rect part, int channels, const Take& take) {
  const size_t count = static_cast<size_t>(part.width) * channels;
  for (int y = 0; y < part.height; ++y) {
    const size_t position = static_cast<size_t>(part.y + y - held.y) * held.width + (part.x - held.x);
    take(position * channels, y * count, count);
  }
}

}  // namespace compass
