// The levels of y onto and off a layer's stream (entropy/trellis.h); a part of entropy/layer_coder.h.
// Elements with scale index 0 are not looked at.
#pragma once

#include <cstdint>
#include <span>

#include "core/result.h"
#include "entropy/cdf_tables.h"
#include "entropy/rans.h"
#include "entropy/trellis.h"

namespace compass {

// kFailure unless `elements` of y with these indexes can be coded: a whole number of rows of positions, two
// rows of the tables for each scale index.
Status check_trellis(const TrellisLayout& layout, const CdfTables& tables, size_t elements,
                     std::span<const uint8_t> indexes);

// All of these: only after check_trellis(). `tables` have the first quantiser's rows, then the second's.

// Calls take(row of the tables, symbol) for every coded element, in order. Returns false where a level is one
// that its quantiser does not have, or has a symbol beyond 32 bits.
template <typename Take>
bool for_trellis_symbols(const TrellisOrder& order, const TrellisLayout& layout, int scales,
                         const TrellisOffsets& offsets, const int32_t* levels, const Take& take) {
  int state = 0;
  for (int c = 0; c < order.channels(); ++c) {
    for (const TrellisOrder::Element e : order.channel(c)) {
      const int quantiser = quantiser_of(state);
      const int64_t level = levels[offsets[e.position()] + c];
      if (!has_level(quantiser, level)) return false;
      const int64_t symbol = symbol_of(quantiser, level);
      if (symbol != static_cast<int32_t>(symbol)) return false;
      take(layout.row_of(e.index()) + quantiser * scales, static_cast<int32_t>(symbol));
      state = kTrellisNext[state][symbol & 1];
    }
  }
  return true;
}

// Pushes the coded elements' symbols. Error: kFailure if they are no path through the trellis.
Status push_levels(rans::Pusher& pusher, const CdfTables& tables, const TrellisLayout& layout,
                   std::span<const uint8_t> indexes, std::span<const int32_t> levels);

// Pops the coded elements' symbols; false if one is malformed. Puts their levels into `levels`, or adds them
// times `step` to `means`.
bool pop_levels(rans::Popper& popper, const CdfTables& tables, const TrellisLayout& layout,
                std::span<const uint8_t> indexes, std::span<int32_t> levels);
bool pop_levels_onto(rans::Popper& popper, const CdfTables& tables, const TrellisLayout& layout,
                     std::span<const uint8_t> indexes, float step, std::span<float> means);

}  // namespace compass
