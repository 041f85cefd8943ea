// Large layers are tiled: cut into blocks that are coded on their own, with an index that says where each one
// lies, so that a part of the picture takes a part of the bytes. docs/bitstream.md, section 6.
//
//   layer stream of a tiled layer:  index | blocks of z | blocks of y
//
// Whether a layer is tiled, and into how many blocks, follows from its size alone. Blocks are counted row by
// row from the top left. Which latents belong to one is for those to say who know the model
// (codec/layer_blocks.h).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"
#include "core/size.h"

namespace compass {

struct LayerEntry;

// Pixels a side of the squares whose latents, and hyper-latents, are a block.
inline constexpr int kLatentBlockSide = 512;
inline constexpr int kHyperBlockSide = 2048;
// Layers of no more blocks of y than this are one stream: a part of them would take most of them.
inline constexpr int64_t kUntiledBlocks = 8;

// The blocks of a layer: its columns and rows. Sizes and rectangles of grids count blocks.
constexpr Size block_grid(Size layer, int side) {
  return {static_cast<int>((int64_t{layer.width} + side - 1) / side),
          static_cast<int>((int64_t{layer.height} + side - 1) / side)};
}
inline bool is_tiled(Size layer) {
  return block_grid(layer, kLatentBlockSide).pixels() > kUntiledBlocks;
}
inline Size latent_grid(Size layer) {
  return is_tiled(layer) ? block_grid(layer, kLatentBlockSide) : Size{1, 1};
}
inline Size hyper_grid(Size layer) {
  return is_tiled(layer) ? block_grid(layer, kHyperBlockSide) : Size{1, 1};
}
// Blocks that a layer's index lists; 0 if it has none.
inline int64_t listed_blocks(Size layer) {
  return is_tiled(layer) ? latent_grid(layer).pixels() + hyper_grid(layer).pixels() : 0;
}

// Calls take(number) for the blocks of rectangle `part` of a grid, in their order.
template <typename Take>
void for_blocks(Size grid, Rect part, const Take& take) {
  for (int row = part.y; row < part.y + part.height; ++row) {
    for (int column = part.x; column < part.x + part.width; ++column) {
      take(static_cast<size_t>(row) * grid.width + column);
    }
  }
}

// Bytes of a file.
struct ByteRange {
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint64_t end() const { return offset + bytes; }
  bool operator==(const ByteRange&) const = default;
};

struct BlockEntry {
  ByteRange range;  // in the file
  uint32_t checksum = 0;
  bool operator==(const BlockEntry&) const = default;
};

// Where a tiled layer's blocks lie.
struct BlockIndex {
  std::vector<BlockEntry> z;
  std::vector<BlockEntry> y;
  bool operator==(const BlockIndex&) const = default;
};

// What a block takes in the index: a varint of at most 8 bytes and a checksum.
inline constexpr uint64_t kMinBlockEntryBytes = 5;
inline constexpr uint64_t kMaxBlockEntryBytes = 12;

// The index that a tiled layer begins with, from its bytes, whose checksum was found right. Errors: kDamaged
// (it does not list just the layer's bytes, or lists more for a block than any takes).
Result<BlockIndex> parse_block_index(const LayerEntry& layer, std::span<const uint8_t> bytes);

// A layer's stream, and how much of it is the index: none if the layer is not tiled.
struct LayerStream {
  std::vector<uint8_t> bytes;
  uint64_t index_bytes = 0;
};

// A tiled layer's stream from those of its blocks.
LayerStream join_blocks(std::span<const std::vector<uint8_t>> z, std::span<const std::vector<uint8_t>> y);

// The most bytes that a stream of so many pixels has: more than any encoder writes, as an escape of every
// element of y and z takes less.
constexpr uint64_t max_stream_bytes(int64_t pixels) {
  constexpr int64_t kManyPixels = int64_t{1} << 40;  // where the product stays far from overflow
  return 256 * static_cast<uint64_t>(pixels < kManyPixels ? pixels : kManyPixels) + (1 << 20);
}

// Sorted, and those that touch made one; empty ones left out.
std::vector<ByteRange> merged(std::vector<ByteRange> ranges);

}  // namespace compass
