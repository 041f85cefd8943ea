#include "priors/level_counts.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "entropy/scales.h"
#include "entropy/trellis_coder.h"
#include "priors/symbol_counts.h"

namespace compass {
namespace {

constexpr double kTailQuantile = 6.1094102048693975;  // as in gaussian_tables.cc

// Of a standard Gaussian, [low, high]; both on the same side of 0, or the tails would lose their digits.
double mass(double low, double high) {
  const double root = std::sqrt(0.5);
  if (low >= 0.0) return 0.5 * (std::erfc(low * root) - std::erfc(high * root));
  return 0.5 * (std::erfc(-high * root) - std::erfc(-low * root));
}

// Half way from the level of `symbol` > 0 to the next one closer to 0, in steps.
double lower_edge(int symbol, int quantiser) {
  return 0.5 * static_cast<double>(level_of(quantiser, symbol) + level_of(quantiser, symbol - 1));
}

}  // namespace

PmfRow gaussian_level_row(int index, int quantiser, double step) {
  const double scale = kScaleTable[index] / step;
  const int reach = std::max(1, static_cast<int>(std::ceil(scale * kTailQuantile / 2.0)));
  PmfRow row{-reach, {}};
  for (int symbol = -reach; symbol <= reach; ++symbol) {
    const int size = std::abs(symbol);
    const double share =
        size == 0 ? 2.0 * mass(0.0, lower_edge(1, quantiser) / scale)
                  : mass(lower_edge(size, quantiser) / scale, lower_edge(size + 1, quantiser) / scale);
    row.pmf.push_back(static_cast<float>(share));
  }
  row.pmf.push_back(static_cast<float>(2.0 * mass(lower_edge(reach + 1, quantiser) / scale, 1e9)));
  return row;
}

LevelCounts::LevelCounts(double step) : step_(step) {
  for (int quantiser = 0; quantiser < 2; ++quantiser) {
    for (int i = 0; i < kScales; ++i) {
      gaussian_.push_back(gaussian_level_row(i, quantiser, step_));
      counts_.emplace_back(gaussian_.back().pmf.size());
    }
  }
}

void LevelCounts::add(const TrellisLayout& layout, std::span<const uint8_t> indexes,
                      std::span<const int32_t> levels) {
  const size_t stride = static_cast<size_t>(layout.width) * layout.channels;
  const TrellisOffsets offsets(stride, layout.channels);
  TrellisOrder order;
  for (const Rect block : trellis_blocks({layout.width, static_cast<int>(levels.size() / stride)})) {
    const size_t first = block.y * stride + static_cast<size_t>(block.x) * layout.channels;
    order.load(indexes.data() + first, stride, block.size(), layout.channels);
    for_trellis_symbols(order, layout, kScales, offsets, levels.data() + first, [&](int row, int32_t symbol) {
      auto& counts = counts_[row];
      const auto escape = static_cast<int64_t>(counts.size()) - 1;
      const int64_t slot = static_cast<int64_t>(symbol) - gaussian_[row].offset;
      ++counts[slot < 0 || slot > escape ? escape : slot];
    });
  }
}

CdfTables LevelCounts::tables() const {
  std::vector<PmfRow> rows = gaussian_;
  for (size_t r = 0; r < rows.size(); ++r) {
    const double total =
        static_cast<double>(std::accumulate(counts_[r].begin(), counts_[r].end(), uint64_t{0}));
    for (size_t s = 0; s < counts_[r].size(); ++s) {
      float& p = rows[r].pmf[s];
      p = static_cast<float>((static_cast<double>(counts_[r][s]) + SymbolCounts::kPriorCounts * p) /
                             (total + SymbolCounts::kPriorCounts));
    }
  }
  return *quantised_tables(rows, CdfTables::Use::kTrellis);
}

}  // namespace compass
