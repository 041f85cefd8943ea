// How often y's symbols occurred where y is quantised dependently (entropy/trellis.h), and the tables that
// follow from it. An encoder chooses symbols by what tables say that they cost, and tables are made from what
// it chose; three or four rounds of both settle (docs/log/search.md).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "entropy/cdf_tables.h"
#include "entropy/trellis.h"
#include "priors/pmf.h"

namespace compass {

// The share of a Gaussian of scale index `index` that each symbol of a quantiser is nearest to, steps being
// 2 * `step` wide. Symbols within 6.109 scales of 0 have slots.
PmfRow gaussian_level_row(int index, int quantiser, double step);

class LevelCounts {
 public:
  // For a step of D = `step` at a shift of 0.
  explicit LevelCounts(double step);

  // Counts levels [height,width,channels] of a layer with their scale indexes, each below kScales. They are a
  // path through the trellis.
  void add(const TrellisLayout& layout, std::span<const uint8_t> indexes, std::span<const int32_t> levels);

  // 64 rows for the first quantiser, 64 for the second. A row is a Gaussian's where nothing was counted, and
  // forgets it the more the more was, as in SymbolCounts.
  CdfTables tables() const;

 private:
  double step_;
  std::vector<PmfRow> gaussian_;               // [2][kScales]
  std::vector<std::vector<uint64_t>> counts_;  // [2][kScales], by slot, the escape last
};

}  // namespace compass
