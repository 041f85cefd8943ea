#include "priors/symbol_counts.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "priors/gaussian_tables.h"

namespace compass {
namespace {

double bits(const CdfRow& row, int32_t symbol) {
  const int slot = row.slot_of(symbol);
  return -std::log2((row.cdf[slot + 1] - row.cdf[slot]) / 65536.0);
}

TEST(SymbolCounts, WithoutCountsTheTablesAreGaussian) {
  const CdfTables made = SymbolCounts().tables(), gaussian = gaussian_tables();
  EXPECT_EQ(made.ragged_cdf(), gaussian.ragged_cdf());
  EXPECT_EQ(made.lengths(), gaussian.lengths());
  EXPECT_EQ(made.offsets(), gaussian.offsets());
}

// Laplacian symbols, and some far beyond the row, cost what their statistics say: less than as Gaussians.
TEST(SymbolCounts, TablesFitWhatWasCounted) {
  constexpr int kIndex = 25;  // sigma 2.4
  constexpr size_t kCount = 200'000;
  std::mt19937_64 random(5);
  std::exponential_distribution<double> size(std::sqrt(2.0) / kScaleTable[kIndex]);
  const auto draw = [&] {
    std::vector<int32_t> symbols(kCount);
    for (auto& s : symbols) {
      s = static_cast<int32_t>(std::lround(size(random) * (random() % 2 == 0 ? 1 : -1)));
    }
    for (size_t i = 0; i < kCount; i += 1000) symbols[i] = 900;
    return symbols;
  };
  const std::vector<uint8_t> indexes(kCount, kIndex);
  SymbolCounts first, second, both;
  const auto seen = draw(), more = draw();
  first.add(indexes, seen);
  second.add(indexes, more);
  both.add(indexes, seen);
  both.add(indexes, more);
  first.add(second);
  const CdfTables fitted = first.tables(), gaussian = gaussian_tables();
  EXPECT_EQ(fitted.ragged_cdf(), both.tables().ragged_cdf());

  double as_fitted = 0.0, as_gaussian = 0.0, entropy = 0.0;
  const auto fresh = draw();
  std::vector<double> counts(2000);
  for (const int32_t s : fresh) counts[s + 1000] += 1.0;
  for (const int32_t s : fresh) {
    as_fitted += bits(fitted.row(kIndex), s);
    as_gaussian += bits(gaussian.row(kIndex), s);
    entropy -= std::log2(counts[s + 1000] / kCount);
  }
  EXPECT_LT(as_fitted, 0.98 * as_gaussian);
  EXPECT_NEAR(as_fitted, entropy, 0.005 * entropy);
  // Other rows know nothing of it.
  EXPECT_EQ(fitted.row(kIndex + 1).cdf[3], gaussian.row(kIndex + 1).cdf[3]);
}

TEST(SymbolCounts, AnySymbolCounts) {
  SymbolCounts counts;
  const std::vector<int32_t> symbols = {std::numeric_limits<int32_t>::min(),
                                        std::numeric_limits<int32_t>::max(), 0};
  counts.add(std::vector<uint8_t>{0, 63, 63}, symbols);
  const CdfTables tables = counts.tables();
  EXPECT_EQ(tables.rows(), kScales);
  EXPECT_LT(bits(tables.row(0), symbols[0]), 9.0);  // the escape of row 0 is one in 301 now
}

}  // namespace
}  // namespace compass
