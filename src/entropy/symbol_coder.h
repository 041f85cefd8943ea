// One symbol at a time, onto and off a stream's state: what all of a layer's coding is made of.
#pragma once

#include <algorithm>
#include <cstdint>

#include "entropy/cdf_tables.h"
#include "entropy/escape.h"
#include "entropy/exp_golomb.h"
#include "entropy/rans.h"

namespace compass {

// Any int32 can be pushed. `raw` must be empty, and is again.
inline void push_symbol(rans::Pusher& pusher, RawBits& raw, const CdfRow& row, int32_t symbol) {
  const int slot = row.slot_of(symbol);
  if (slot == row.escape) {
    raw.add_exp_golomb(escape_value(row, symbol), 0);
    raw.flush_to(pusher);
  }
  pusher.push(row.cdf[slot], row.cdf[slot + 1] - row.cdf[slot], kCdfBits);
}

// Finds the slot of `at` among the slots `from` .. `to` of a bucket that is to be searched, pops it, and an
// escape's number after it. False if that is malformed.
inline bool pop_searched(rans::Popper& popper, const CdfRow& row, uint32_t at, int from, int to,
                         int32_t* symbol) {
  const auto first = row.cdf.begin() + from + 1;
  const auto last = row.cdf.begin() + to + 1;
  const int slot = static_cast<int>(std::upper_bound(first, last, at) - row.cdf.begin()) - 1;
  popper.pop(at, row.cdf[slot], row.cdf[slot + 1] - row.cdf[slot], kCdfBits);
  *symbol = row.offset + slot;
  if (slot != row.escape) return true;
  uint64_t value = 0;
  if (!pop_exp_golomb(popper, 0, &value)) return false;
  const auto escaped = escaped_symbol(row.offset, row.escape, value);
  *symbol = escaped.value_or(0);
  return escaped.has_value();
}

}  // namespace compass
