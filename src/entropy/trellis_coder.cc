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

// The rows of one scale index as the inner loop wants them, by quantiser.
struct HotRows {
  const CdfBucket* buckets[2] = {};
  int shift[2] = {};
};

std::array<HotRows, kTrellisScales> hot_rows(const CdfTables& tables, const TrellisLayout& layout) {
  std::array<HotRows, kTrellisScales> rows{};
  const int scales = tables.rows() / 2;
  for (int i = 1; i < scales; ++i) {
    for (int q = 0; q < 2; ++q) {
      const CdfTables::Lookup lookup = tables.lookup(layout.row_of(i) + q * scales);
      rows[i].buckets[q] = lookup.first;
      rows[i].shift[q] = lookup.shift;
    }
  }
  return rows;
}

// Pops a block: calls put(offset, level) for its coded elements. False if a symbol is malformed.
template <typename Put>
[[gnu::noinline]] bool pop_block(Popper& stream, const CdfTables& tables, const TrellisLayout& layout,
                                 const HotRows* rows, const TrellisOrder& order, const TrellisOffsets& offsets,
                                 Put put) {
  // Sixteen states after, four bits each, by four times the state before and twice the symbol's lowest bit...
  // see next(): a shift is faster than a table in memory, and all of decoding waits for it.
  constexpr uint64_t kNext = [] {
    uint64_t packed = 0;
    for (int state = 0; state < kTrellisStates; ++state) {
      for (int odd = 0; odd < 2; ++odd) {
        packed |= static_cast<uint64_t>(kTrellisNext[state][odd]) << (8 * state + 4 * odd);
      }
    }
    return packed;
  }();
  Popper popper = stream;  // a copy whose address nobody takes stays in registers
  uint32_t state = 0;
  for (int c = 0; c < order.channels(); ++c) {
    for (const TrellisOrder::Element e : order.channel(c)) {
      const HotRows& row = rows[e.index()];
      const uint32_t quantiser = state & 1;
      const CdfBucket* const buckets = quantiser != 0 ? row.buckets[1] : row.buckets[0];
      const int shift = quantiser != 0 ? row.shift[1] : row.shift[0];
      const uint32_t at = popper.peek(kCdfBits);
      const CdfBucket bucket = buckets[at >> shift];
      int32_t symbol = bucket.symbol;
      if (bucket.search == 0) [[likely]] {
        popper.pop(at, bucket.start, bucket.freq, kCdfBits);
      } else {
        Popper copy = popper;
        const int r = layout.row_of(e.index()) + static_cast<int>(quantiser) * (tables.rows() / 2);
        if (!pop_searched(copy, tables.row(r), at, bucket, &symbol)) return false;
        const int64_t level = level_of(static_cast<int>(quantiser), symbol);
        if (level != static_cast<int32_t>(level)) return false;
        popper = copy;
      }
      state = kNext >> (8 * state + 4 * (symbol & 1)) & 7;
      const int32_t toward_zero = (symbol > 0) - (symbol < 0);
      put(offsets[e.position()] + c, 2 * symbol - (toward_zero & -static_cast<int32_t>(quantiser)));
    }
  }
  stream = popper;
  return true;
}

// Calls make(first element, put) ... for every block.
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
    if (!pop_block(popper, tables, layout, rows.data(), order, offsets, put_at(first))) return false;
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
  if (tables.rows() % 2 != 0 || tables.rows() > 2 * kTrellisScales) {
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
                             [&](int row, int32_t symbol) { symbols.push_back({symbol, row}); })) {
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
