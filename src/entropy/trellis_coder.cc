#include "entropy/trellis_coder.h"

#include <algorithm>
#include <array>
#include <vector>

#include "entropy/symbol_coder.h"

namespace compass {
namespace {

using rans::Popper;
using rans::Pusher;

Size positions_of(const TrellisLayout& layout, size_t elements) {
  const size_t row = static_cast<size_t>(layout.width) * layout.channels;
  return {layout.width, row == 0 ? 0 : static_cast<int>(elements / row)};
}

// Where a block's first element lies.
size_t first_of(const TrellisLayout& layout, Rect block) {
  return (static_cast<size_t>(block.y) * layout.width + block.x) * layout.channels;
}

using HotRows = std::array<CdfTables::PairLookup, kTrellisScales>;

HotRows hot_rows(const CdfTables& tables, const TrellisLayout& layout) {
  HotRows rows{};
  for (int i = 1; i < tables.rows() / 2; ++i) rows[i] = tables.pair(layout.row_of(i));
  return rows;
}

// What a decoder's state is: the trellis state, and its quantiser times 2^16, beside a slot's bits.
constexpr uint32_t kStateMask = kTrellisStates - 1;
constexpr uint32_t kQuantiserMask = 1U << kCdfBits;
constexpr uint32_t packed(int state) {
  return static_cast<uint32_t>(state) | static_cast<uint32_t>(quantiser_of(state)) << kCdfBits;
}
// What follows a state if the symbol is even, and what to change if it is odd. Both are at hand before the
// symbol is, so that decoding need not wait for them.
struct Next {
  uint32_t even;
  uint32_t change;
};
constexpr std::array<Next, kTrellisStates> kNext = [] {
  std::array<Next, kTrellisStates> next{};
  for (int state = 0; state < kTrellisStates; ++state) {
    const uint32_t even = packed(kTrellisNext[state][0]);
    next[state] = {even, even ^ packed(kTrellisNext[state][1])};
  }
  return next;
}();

// Pops a block: calls put(offset, level) for its coded elements. False if a symbol is malformed.
template <typename Put>
[[gnu::noinline]] bool pop_block(Popper& stream, const CdfTables& tables, const TrellisLayout& layout,
                                 const HotRows& hot, const TrellisOrder& order, const TrellisOffsets& offsets,
                                 Put put) {
  Popper popper = stream;  // a copy whose address nobody takes stays in registers
  const CdfTables::PairLookup* const rows = hot.data();
  uint32_t state = 0;
  for (int c = 0; c < order.channels(); ++c) {
    for (const TrellisOrder::Element e : order.channel(c)) {
      const CdfTables::PairLookup row = rows[e.index()];
      const uint32_t at = popper.peek(kCdfBits);
      const PairBucket bucket = row.first[(at | (state & kQuantiserMask)) >> row.shift];
      const Next next = kNext[state & kStateMask];
      int32_t level = bucket.level;
      int32_t odd = bucket.odd;
      if (odd <= 0) [[likely]] {
        popper.pop(at, bucket.start, bucket.freq, kCdfBits);
      } else {
        Popper copy = popper;
        const int quantiser = quantiser_of(static_cast<int>(state & kStateMask));
        const CdfRow whole = tables.row(layout.row_of(e.index()) + quantiser * (tables.rows() / 2));
        int32_t symbol = 0;
        if (!pop_searched(copy, whole, at, bucket.start, bucket.freq, &symbol)) return false;
        const int64_t wide = level_of(quantiser, symbol);
        level = static_cast<int32_t>(wide);
        if (level != wide) return false;
        odd = -(symbol & 1);
        popper = copy;
      }
      state = next.even ^ (next.change & static_cast<uint32_t>(odd));
      put(offsets[e.position()] + c, level);
    }
  }
  stream = popper;
  return true;
}

// Pops all blocks: put_at(first element) makes a block's put().
template <typename PutAt>
bool pop_blocks(Popper& popper, const CdfTables& tables, const TrellisLayout& layout,
                std::span<const uint8_t> indexes, const PutAt& put_at) {
  const size_t stride = static_cast<size_t>(layout.width) * layout.channels;
  const auto rows = hot_rows(tables, layout);
  const TrellisOffsets offsets(stride, layout.channels);
  TrellisOrder order;
  for (const Rect block : trellis_blocks(positions_of(layout, indexes.size()))) {
    const size_t first = first_of(layout, block);
    order.load(indexes.data() + first, stride, block.size(), layout.channels);
    if (!pop_block(popper, tables, layout, rows, order, offsets, put_at(first))) return false;
  }
  return true;
}

}  // namespace

Status check_trellis(const TrellisLayout& layout, const CdfTables& tables, size_t elements,
                     std::span<const uint8_t> indexes) {
  const auto bad = [](const char* what) { return Error{ErrorCode::kFailure, what}; };
  if (indexes.size() != elements) return bad("y needs as many indexes as symbols");
  if (layout.width < 1 || layout.channels < 1 || layout.shift < 0) return bad("y has no layout");
  if (elements % (static_cast<size_t>(layout.width) * layout.channels) != 0) {
    return bad("y is not a whole number of rows");
  }
  if (tables.use() != CdfTables::Use::kTrellis || tables.rows() > 2 * kTrellisScales) {
    return bad("dependent quantisation needs two rows of the entropy tables for each of 64 scale indexes");
  }
  const uint8_t highest = indexes.empty() ? uint8_t{0} : *std::ranges::max_element(indexes);
  if (!indexes.empty() && highest >= tables.rows() / 2) return bad("a scale index has no entropy table");
  return {};
}

Status push_levels(Pusher& pusher, const CdfTables& tables, const TrellisLayout& layout,
                   std::span<const uint8_t> indexes, std::span<const int32_t> levels) {
  const size_t stride = static_cast<size_t>(layout.width) * layout.channels;
  const TrellisOffsets offsets(stride, layout.channels);
  const auto blocks = trellis_blocks(positions_of(layout, indexes.size()));
  struct Symbol {
    int32_t value;
    int row;
  };
  std::vector<Symbol> symbols;
  TrellisOrder order;
  RawBits raw;
  for (size_t b = blocks.size(); b-- > 0;) {
    const size_t first = first_of(layout, blocks[b]);
    order.load(indexes.data() + first, stride, blocks[b].size(), layout.channels);
    symbols.clear();
    if (!for_trellis_symbols(order, layout, tables.rows() / 2, offsets, levels.data() + first,
                             [&](int row, int32_t symbol) {
                               symbols.push_back({symbol, row});
                             })) {
      return Error{ErrorCode::kFailure, "the levels of y are no path through the trellis"};
    }
    for (size_t i = symbols.size(); i-- > 0;) {
      push_symbol(pusher, raw, tables.row(symbols[i].row), symbols[i].value);
    }
  }
  return {};
}

bool pop_levels(Popper& popper, const CdfTables& tables, const TrellisLayout& layout,
                std::span<const uint8_t> indexes, std::span<int32_t> levels) {
  return pop_blocks(popper, tables, layout, indexes, [&](size_t first) {
    return [out = levels.data() + first](size_t at, int32_t level) { out[at] = level; };
  });
}

bool pop_levels_onto(Popper& popper, const CdfTables& tables, const TrellisLayout& layout,
                     std::span<const uint8_t> indexes, float step, std::span<float> means) {
  return pop_blocks(popper, tables, layout, indexes, [&](size_t first) {
    return [out = means.data() + first, step](size_t at, int32_t level) {
      out[at] += step * static_cast<float>(level);
    };
  });
}

}  // namespace compass
