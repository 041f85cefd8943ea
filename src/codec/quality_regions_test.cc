#include "codec/quality_regions.h"

#include <gtest/gtest.h>

namespace compass {
namespace {

constexpr Size kFull{320, 200};  // 5x4 squares, the last row 8 pixels high

int at(const QualityMap& map, Size layer, int row, int column) {
  return map.offsets.at(static_cast<size_t>(row) * quality_squares(layer).width + column);
}

TEST(QualityRegions, BetterOnesCountWhereTheyTouch) {
  const QualityRegion region{{63, 64, 66, 1}, 30};
  const auto map = map_of_regions({&region, 1}, kFull, kFull);
  for (int row = 0; row < 4; ++row) {
    for (int column = 0; column < 5; ++column) {
      EXPECT_EQ(at(map, kFull, row, column), row == 1 && column <= 2 ? 30 : 0) << row << ' ' << column;
    }
  }
  // Half the size: squares are twice as large.
  const Size half{160, 100};
  const auto small = map_of_regions({&region, 1}, half, kFull);
  for (int column = 0; column < 3; ++column) {
    EXPECT_EQ(at(small, half, 0, column), column <= 1 ? 30 : 0);
    EXPECT_EQ(at(small, half, 1, column), 0);
  }
}

TEST(QualityRegions, WorseOnesCountWhereTheyCover) {
  const QualityRegion regions[] = {{{1, 0, 191, 200}, -40}, {{64, 0, 1, 1}, 10}, {{64, 0, 256, 70}, -50}};
  const auto map = map_of_regions(regions, kFull, kFull);
  EXPECT_EQ(at(map, kFull, 0, 0), 0);    // a column of pixels is outside
  EXPECT_EQ(at(map, kFull, 0, 1), 10);   // the better one wins
  EXPECT_EQ(at(map, kFull, 0, 2), -50);  // the worst of two
  EXPECT_EQ(at(map, kFull, 1, 2), -40);
  EXPECT_EQ(at(map, kFull, 3, 2), -40);  // the low row
  EXPECT_EQ(at(map, kFull, 0, 4), -50);
  EXPECT_EQ(at(map, kFull, 1, 4), 0);
}

TEST(QualityRegions, NothingIsNoMap) {
  EXPECT_TRUE(map_of_regions({}, kFull, kFull).empty());
  const QualityRegion small{{5, 5, 20, 20}, -40};  // covers no square
  EXPECT_TRUE(map_of_regions({&small, 1}, kFull, kFull).empty());
  EXPECT_TRUE(map_of_mask(Plane({3, 3}, 128).view(), kFull).empty());
}

TEST(QualityRegions, AMaskIsLaidOverThePicture) {
  const std::vector<uint8_t> samples{255, 0};
  const PlaneView mask{samples.data(), {2, 1}, 2};
  const Size layer{512, 64};
  const auto map = map_of_mask(mask, layer);
  EXPECT_EQ(at(map, layer, 0, 0), 100);
  EXPECT_EQ(at(map, layer, 0, 7), -100);
}

}  // namespace
}  // namespace compass
