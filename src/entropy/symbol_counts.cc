#include "entropy/symbol_counts.h"

#include <numeric>

#include "entropy/gaussian_tables.h"
#include "entropy/pmf.h"

namespace compass {

SymbolCounts::SymbolCounts() {
  for (int i = 0; i < kScales; ++i) {
    const int reach = gaussian_reach(i);
    rows_.push_back({reach, std::vector<uint64_t>(2 * static_cast<size_t>(reach) + 2)});
  }
}

void SymbolCounts::add(std::span<const uint8_t> indexes, std::span<const int32_t> symbols) {
  for (size_t i = 0; i < symbols.size(); ++i) {
    Row& row = rows_[indexes[i]];
    const int64_t slot = static_cast<int64_t>(symbols[i]) + row.reach;
    const bool escapes = slot < 0 || slot > 2 * static_cast<int64_t>(row.reach);
    ++(escapes ? row.counts.back() : row.counts[slot]);
  }
}

void SymbolCounts::add(const SymbolCounts& more) {
  for (size_t r = 0; r < rows_.size(); ++r) {
    for (size_t s = 0; s < rows_[r].counts.size(); ++s) rows_[r].counts[s] += more.rows_[r].counts[s];
  }
}

CdfTables SymbolCounts::tables() const {
  std::vector<int32_t> cdf;
  std::vector<int32_t> lengths;
  std::vector<int32_t> offsets;
  for (int i = 0; i < kScales; ++i) {
    const auto& [reach, counts] = rows_[i];
    const uint64_t total = std::accumulate(counts.begin(), counts.end(), uint64_t{0});
    std::vector<float> pmf = gaussian_pmf(i);
    for (size_t s = 0; s < pmf.size(); ++s) {
      pmf[s] = static_cast<float>((static_cast<double>(counts[s]) + kPriorCounts * pmf[s]) /
                                  (static_cast<double>(total) + kPriorCounts));
    }
    const std::vector<int32_t> row = *quantise_pmf(pmf);
    cdf.insert(cdf.end(), row.begin(), row.end());
    lengths.push_back(static_cast<int32_t>(row.size()));
    offsets.push_back(-reach);
  }
  return *CdfTables::from_ragged(cdf, lengths, offsets);
}

}  // namespace compass
