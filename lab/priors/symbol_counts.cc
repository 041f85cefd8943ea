#include "priors/symbol_counts.h"

#include <numeric>

#include "priors/gaussian_tables.h"

namespace compass {

SymbolCounts::SymbolCounts() {
  for (int i = 0; i < kScales; ++i) {
    const PmfRow gaussian = gaussian_row(i);
    rows_.push_back({gaussian.offset, std::vector<uint64_t>(gaussian.pmf.size())});
  }
}

void SymbolCounts::add(std::span<const uint8_t> indexes, std::span<const int32_t> symbols) {
  for (size_t i = 0; i < symbols.size(); ++i) {
    auto& [offset, counts] = rows_[indexes[i]];
    const auto escape = static_cast<int64_t>(counts.size()) - 1;
    const int64_t slot = static_cast<int64_t>(symbols[i]) - offset;
    ++counts[slot < 0 || slot > escape ? escape : slot];
  }
}

void SymbolCounts::add(const SymbolCounts& more) {
  for (size_t r = 0; r < rows_.size(); ++r) {
    for (size_t s = 0; s < rows_[r].counts.size(); ++s) rows_[r].counts[s] += more.rows_[r].counts[s];
  }
}

CdfTables SymbolCounts::tables() const {
  std::vector<PmfRow> rows;
  for (int i = 0; i < kScales; ++i) {
    const auto& counts = rows_[i].counts;
    const uint64_t total = std::accumulate(counts.begin(), counts.end(), uint64_t{0});
    PmfRow& row = rows.emplace_back(gaussian_row(i));
    for (size_t s = 0; s < counts.size(); ++s) {
      row.pmf[s] = static_cast<float>((static_cast<double>(counts[s]) + kPriorCounts * row.pmf[s]) /
                                      (static_cast<double>(total) + kPriorCounts));
    }
  }
  return *quantised_tables(rows);
}

}  // namespace compass
