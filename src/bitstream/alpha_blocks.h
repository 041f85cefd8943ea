// A layer's alpha as bytes: one block, or, of large layers, an index and blocks that are coded on their own,
// so that a part of the picture takes a part of the bytes. docs/bitstream.md, section 7.
//
//   alpha of a layer:  the byte that all samples are  |  block  |  index | block 0 | block 1 | ...
//
// The coder of blocks is entropy/alpha_coder.h.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bitstream/blocks.h"
#include "core/result.h"
#include "core/size.h"

namespace compass {

// Pixels a side of the squares that are blocks, counted row by row from the top left.
inline constexpr int kAlphaBlockSide = 512;

// The blocks of a layer: its columns and rows.
constexpr Size alpha_grid(Size layer) {
  return block_grid(layer, kAlphaBlockSide);
}
// The pixels of block `number`.
Rect alpha_block(Size layer, int64_t number);
// The blocks that `part`, which is not empty, of a layer has pixels of: a rectangle of the grid.
Rect alpha_blocks(Rect part);

// What a layer table says about a layer's alpha.
struct AlphaEntry {
  uint64_t bytes = 0;  // 0: the picture has no alpha
  uint64_t index_bytes = 0;
  uint32_t checksum = 0;  // of the index, or of everything if there is none
  bool operator==(const AlphaEntry&) const = default;
};

// Whether alpha of so many bytes has an index.
inline bool has_alpha_index(Size layer, uint64_t bytes) {
  return bytes > 1 && alpha_grid(layer).pixels() > 1;
}
// Whether a layer of that size can have that alpha. No sample takes more than 40 bytes, nor a block less
// than 1.
bool is_possible(Size layer, const AlphaEntry& alpha);

// The blocks that the index of a layer's alpha lists. Errors: kDamaged (it does not list just the alpha's
// bytes).
Result<std::vector<BlockEntry>> parse_alpha_index(const LayerEntry& layer, std::span<const uint8_t> index);

// From the blocks' bytes, all of them: one byte if all are the same one.
LayerStream join_alpha(std::span<const std::vector<uint8_t>> blocks);

}  // namespace compass
