#include "priors/level_counts.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "entropy/escape.h"
#include "entropy/scales.h"

namespace compass {
namespace {

TEST(LevelCounts, GaussianSharesAddUp) {
  for (const double step : {0.05, 0.6785, 3.0}) {
    for (int quantiser = 0; quantiser < 2; ++quantiser) {
      for (int i = 0; i < kScales; ++i) {
        const PmfRow row = gaussian_level_row(i, quantiser, step);
        EXPECT_NEAR(std::accumulate(row.pmf.begin(), row.pmf.end(), 0.0), 1.0, 1e-5);
        EXPECT_EQ(static_cast<int>(row.pmf.size()), 2 - 2 * row.offset);
        for (int s = 1; s <= -row.offset; ++s) {
          EXPECT_FLOAT_EQ(row.pmf[-row.offset + s], row.pmf[-row.offset - s]);
        }
      }
    }
  }
}

// The first quantiser is rounding to multiples of 2 D; the second's 0 has half as wide an interval.
TEST(LevelCounts, GaussianSharesAreThoseOfTheIntervals) {
  const int index = 20;
  const double scale = kScaleTable[index];
  const auto below = [&](double x) { return 0.5 * std::erfc(-x / scale * std::sqrt(0.5)); };
  const double step = 0.5;
  const PmfRow first = gaussian_level_row(index, 0, step), second = gaussian_level_row(index, 1, step);
  EXPECT_NEAR(first.pmf[-first.offset], below(0.5) - below(-0.5), 1e-6);
  EXPECT_NEAR(first.pmf[-first.offset + 2], below(2.5) - below(1.5), 1e-6);
  EXPECT_NEAR(second.pmf[-second.offset], below(0.25) - below(-0.25), 1e-6);
  EXPECT_NEAR(second.pmf[-second.offset + 1], below(1.0) - below(0.25), 1e-6);
  EXPECT_NEAR(second.pmf[-second.offset + 2], below(2.0) - below(1.0), 1e-6);
}

TEST(LevelCounts, CountsByStateAndShiftedIndex) {
  const double step = 0.7;
  const CdfTables before = LevelCounts(step).tables();
  ASSERT_EQ(before.rows(), 2 * kScales);
  LevelCounts counts(step);
  // Levels 2, 0, 3 in states 0, 2, 1: symbols 1 and 0 of the first quantiser, 2 of the second.
  const TrellisLayout layout{3, 1, 2};
  const std::vector<uint8_t> indexes{22, 22, 22};
  const std::vector<int32_t> levels{2, 0, 3};
  for (int n = 0; n < 500; ++n) counts.add(layout, indexes, levels);
  const CdfTables after = counts.tables();
  const auto gained = [&](int row, int32_t symbol) {
    return symbol_bits(before.row(row), symbol) - symbol_bits(after.row(row), symbol);
  };
  EXPECT_GT(gained(20, 1), 0.5);
  EXPECT_GT(gained(20, 0), 0.0);
  EXPECT_LT(gained(20, -1), -1.0);
  EXPECT_GT(gained(kScales + 20, 2), 0.5);
  EXPECT_LT(gained(kScales + 20, 0), -1.0);
  for (const int row : {1, 19, 21, 22, kScales + 19, kScales + 21, kScales + 22}) {
    EXPECT_EQ(gained(row, 0), 0.0) << row;
  }
}

}  // namespace
}  // namespace compass
