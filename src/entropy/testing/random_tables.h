// For tests only: random tables and symbols that reach every slot and every escape.
#pragma once

#include <limits>
#include <random>
#include <set>
#include <vector>

#include "entropy/cdf_tables.h"

namespace compass {

// `rows` random rows of up to `max_slots` slots; the first row has nothing but the escape.
inline CdfTables random_tables(std::mt19937& rng, int rows, int max_slots,
                               CdfTables::Use use = CdfTables::Use::kSymbols) {
  std::vector<int32_t> cdf;
  std::vector<int32_t> lengths;
  std::vector<int32_t> offsets;
  for (int r = 0; r < rows; ++r) {
    const int slots = r == 0 ? 1 : 1 + static_cast<int>(rng() % max_slots);
    std::set<int32_t> inner;
    // Half of the rows bunch their boundaries up at one end, which makes one slot very likely.
    const uint32_t span = r % 2 == 0 ? kCdfTotal - 1 : static_cast<uint32_t>(slots) + 7;
    while (static_cast<int>(inner.size()) < slots - 1) inner.insert(1 + static_cast<int32_t>(rng() % span));
    cdf.push_back(0);
    cdf.insert(cdf.end(), inner.begin(), inner.end());
    cdf.push_back(kCdfTotal);
    lengths.push_back(slots + 1);
    offsets.push_back(static_cast<int32_t>(rng() % 100) - 50);
  }
  return *CdfTables::from_ragged(cdf, lengths, offsets, use);
}

// A symbol for `row`: mostly in range, sometimes next to it, sometimes anywhere in 32 bits.
inline int32_t random_symbol(std::mt19937& rng, const CdfRow& row) {
  switch (rng() % 16) {
    case 0:
      return static_cast<int32_t>(rng());
    case 1:
      return std::numeric_limits<int32_t>::min() + static_cast<int32_t>(rng() % 2);
    case 2:
      return std::numeric_limits<int32_t>::max() - static_cast<int32_t>(rng() % 2);
    case 3:
      return row.offset - 1 - static_cast<int32_t>(rng() % 3);
    case 4:
      return row.offset + row.escape + static_cast<int32_t>(rng() % 3);
    default:
      return row.offset + static_cast<int32_t>(rng() % (row.escape + 1));
  }
}

}  // namespace compass
