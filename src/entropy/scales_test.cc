#include "entropy/scales.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "entropy/testing/golden.h"

namespace compass {
namespace {

TEST(Scales, TableIsGolden) {
  COMPASS_OPEN_GOLDEN(luts, "luts.safetensors");
  const auto golden = luts.get<float>("scale_table");
  EXPECT_EQ(std::vector<float>(kScaleTable.begin(), kScaleTable.end()), golden);
}

TEST(Scales, IndexIsTheSmallestThatHolds) {
  for (int i = 0; i < kScales; ++i) {
    EXPECT_EQ(scale_index(kScaleTable[i]), i);
    if (i + 1 < kScales) {
      EXPECT_EQ(scale_index(std::nextafter(kScaleTable[i], 1e9F)), i + 1);
    }
  }
  EXPECT_EQ(scale_index(0.0F), 0);
  EXPECT_EQ(scale_index(-3.0F), 0);
  EXPECT_EQ(scale_index(-std::numeric_limits<float>::infinity()), 0);
  EXPECT_EQ(scale_index(257.0F), 63);
  EXPECT_EQ(scale_index(std::numeric_limits<float>::infinity()), 63);
  EXPECT_EQ(scale_index(std::numeric_limits<float>::quiet_NaN()), 63);
}

TEST(Scales, IndexesOfGoldenPictures) {
  for (const std::string name : {"tiny_even", "tiny_odd", "tiny_frac", "tiny_same", "tiny_cellbug"}) {
    COMPASS_OPEN_GOLDEN(file, name + ".safetensors");
    for (const std::string layer : {"bl.", "el1.", "el2."}) {
      const auto scales = file.get<float>(layer + "scales");
      const auto indexes = file.get<int32_t>(layer + "y_idx");
      ASSERT_EQ(scales.size(), indexes.size());
      for (size_t i = 0; i < scales.size(); ++i) ASSERT_EQ(scale_index(scales[i]), indexes[i]) << scales[i];
    }
  }
}

}  // namespace
}  // namespace compass
