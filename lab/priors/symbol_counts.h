// How often y's symbols occurred with each scale index, and the tables that follow from it. A trained codec's
// symbols are not quite Gaussian; tables made from counts save some 1.5 % of y's bits (docs/log/entropy.md).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "entropy/cdf_tables.h"

namespace compass {

class SymbolCounts {
 public:
  SymbolCounts();

  // Counts symbols [n] with their scale indexes [n], each below kScales.
  void add(std::span<const uint8_t> indexes, std::span<const int32_t> symbols);
  void add(const SymbolCounts& more);

  // The 64 rows, with the ranges of gaussian_tables(). A row's probabilities are those of the counts and of
  // its Gaussian together, the Gaussian weighing as much as kPriorCounts symbols.
  CdfTables tables() const;

  static constexpr double kPriorCounts = 300.0;

 private:
  struct Row {
    int32_t offset = 0;            // the first symbol that has a slot of its own
    std::vector<uint64_t> counts;  // by slot, the escape last
  };
  std::vector<Row> rows_;
};

}  // namespace compass
