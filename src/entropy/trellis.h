// Dependent quantisation (docs/bitstream.md): y's elements are levels, whole multiples of a step D, and which
// levels an element may have depends on those before it.
//
// There are two quantisers. The first has the even levels, the second the odd ones and 0. A symbol k of the
// first is the level 2k, of the second 2k - sign(k). The trellis has eight states. Each says which quantiser
// the next element uses, and whether that element's symbol is even or odd says which state follows. With both
// quantisers at hand an encoder's levels lie as densely as D, and yet every symbol costs what one of steps of
// 2 D does.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/size.h"

namespace compass {

inline constexpr int kTrellisStates = 8;
// The state after a symbol, by the state before it and the symbol's lowest bit. Coding begins in state 0.
inline constexpr uint8_t kTrellisNext[kTrellisStates][2] = {{0, 2}, {5, 7}, {1, 3}, {6, 4},
                                                            {2, 0}, {4, 6}, {3, 1}, {7, 5}};
// 0 is the first quantiser, 1 the second.
constexpr int quantiser_of(int state) {
  return state & 1;
}

// The level of a symbol. |symbol| < 2^31, or more if the result is not needed.
constexpr int64_t level_of(int quantiser, int64_t symbol) {
  return 2 * symbol - (quantiser == 0 ? 0 : (symbol > 0) - (symbol < 0));
}
// Whether a quantiser has a level.
constexpr bool has_level(int quantiser, int64_t level) {
  return level == 0 || (level & 1) == quantiser;
}
// Its symbol, if it has it.
constexpr int64_t symbol_of(int quantiser, int64_t level) {
  return quantiser == 0 ? level / 2 : (level + (level > 0) - (level < 0)) / 2;
}

// Positions a side of the blocks that y is cut into. Each block is a path through the trellis of its own.
inline constexpr int kTrellisBlock = 32;
// Scale indexes that there may be.
inline constexpr int kTrellisScales = 64;

// How y, [height,width,channels] in memory, is coded: which elements there are, and by how many rows of the
// tables the scale indexes are shifted.
struct TrellisLayout {
  int width = 0;
  int channels = 0;
  int shift = 0;
  // Of elements that are coded, whose index is above 0.
  constexpr int row_of(int index) const { return index > shift ? index - shift : 1; }
};

// The blocks of y, of so many positions, in the order in which they are coded.
std::vector<Rect> trellis_blocks(Size positions);

// The elements of one block that are coded (scale index above 0), in their order: channel by channel, the
// positions of a channel row by row. Its memory is kept from block to block.
class TrellisOrder {
 public:
  // `indexes` are those of the block's first position; rows of positions are `stride` bytes apart. The block
  // has at most kTrellisBlock positions a side, indexes are below kTrellisScales.
  void load(const uint8_t* indexes, size_t stride, Size block, int channels);

  int channels() const { return static_cast<int>(counts_.size()); }
  size_t count() const;
  // One coded element of a channel.
  struct Element {
    static constexpr int kPositionBits = 10;
    static_assert(1 << kPositionBits == kTrellisBlock * kTrellisBlock);
    uint16_t bits;
    int index() const { return bits >> kPositionBits; }
    // kTrellisBlock * row + column.
    int position() const { return bits & ((1 << kPositionBits) - 1); }
  };
  std::span<const Element> channel(int c) const { return {elements_.data() + c * kStride, counts_[c]}; }

 private:
  // An odd number of cache lines, or all channels would meet in a few places of the cache.
  static constexpr size_t kStride = size_t{kTrellisBlock} * kTrellisBlock + 32;
  std::vector<Element> elements_;  // [channels][kStride]
  std::vector<uint16_t> counts_;
};

// Where a block's positions lie in an array of rows `stride` elements apart: by Element::position().
class TrellisOffsets {
 public:
  TrellisOffsets(size_t stride, int channels);
  size_t operator[](int position) const { return offsets_[position]; }

 private:
  std::vector<size_t> offsets_;
};

}  // namespace compass
