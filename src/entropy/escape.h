// How a symbol outside its row's range becomes a number >= 0, by the reference's rule; and how many bits
// symbols take.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "entropy/cdf_tables.h"
#include "entropy/exp_golomb.h"

namespace compass {

// Symbols below the row's range give odd numbers (the nearest gives 1), those above give even ones (the
// nearest 0). At most 33 bits, whatever the symbol. Precondition: row.slot_of(symbol) is the escape.
inline uint64_t escape_value(const CdfRow& row, int32_t symbol) {
  const int64_t v = static_cast<int64_t>(symbol) - row.offset;
  return v < 0 ? static_cast<uint64_t>(-2 * v - 1) : static_cast<uint64_t>(2 * (v - row.escape));
}

// Bits that a symbol takes: its slot's information and, outside the row's range, an Exp-Golomb number.
inline double symbol_bits(const CdfRow& row, int32_t symbol) {
  const int slot = row.slot_of(symbol);
  const double bits = -std::log2((row.cdf[slot + 1] - row.cdf[slot]) / static_cast<double>(kCdfTotal));
  return slot == row.escape ? bits + exp_golomb_bits(escape_value(row, symbol)) : bits;
}

// The inverse of escape_value. Nothing if the symbol would not fit in 32 bits. `value` < 2^40.
inline std::optional<int32_t> escaped_symbol(int32_t offset, int escape, uint64_t value) {
  const int64_t half = static_cast<int64_t>(value >> 1);
  const int64_t symbol = offset + ((value & 1) != 0 ? -half - 1 : half + escape);
  if (symbol < std::numeric_limits<int32_t>::min() || symbol > std::numeric_limits<int32_t>::max()) return {};
  return static_cast<int32_t>(symbol);
}

}  // namespace compass
