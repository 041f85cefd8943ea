#include "entropy/gaussian_tables.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "entropy/golden_test_data.h"
#include "entropy/pmf.h"

namespace compass {
namespace {

TEST(QuantisePmf, GoldenCases) {
  COMPASS_OPEN_GOLDEN(luts, "luts.safetensors");
  for (int i = 0; i < 6; ++i) {
    const auto pmf = luts.get<float>("pmf" + std::to_string(i));
    EXPECT_EQ(*quantise_pmf(pmf), luts.get<int32_t>("cdf" + std::to_string(i))) << "case " << i;
  }
}

TEST(QuantisePmf, OddInputs) {
  EXPECT_EQ(*quantise_pmf(std::vector{1.0F}), (std::vector<int32_t>{0, 65536}));
  EXPECT_EQ(*quantise_pmf(std::vector{1e-4F, 1e4F}), (std::vector<int32_t>{0, 1, 65536}));
  const auto flat = quantise_pmf(std::vector<float>(65536, 1.0F));
  ASSERT_TRUE(flat.ok());
  for (int i = 0; i <= 65536; ++i) ASSERT_EQ((*flat)[i], i);
  EXPECT_FALSE(quantise_pmf({}).ok());
  EXPECT_FALSE(quantise_pmf(std::vector<float>(65537, 1.0F)).ok());
  EXPECT_FALSE(quantise_pmf(std::vector{0.0F, 0.0F}).ok());
  EXPECT_FALSE(quantise_pmf(std::vector{0.5F, -0.1F}).ok());
  EXPECT_FALSE(quantise_pmf(std::vector{0.5F, std::numeric_limits<float>::quiet_NaN()}).ok());
  EXPECT_FALSE(quantise_pmf(std::vector{0.5F, std::numeric_limits<float>::infinity()}).ok());
}

TEST(GaussianTables, ScaleTableIsGolden) {
  COMPASS_OPEN_GOLDEN(luts, "luts.safetensors");
  const auto golden = luts.get<float>("scale_table");
  EXPECT_EQ(std::vector<float>(kScaleTable.begin(), kScaleTable.end()), golden);
}

TEST(GaussianTables, RowsAreGolden) {
  COMPASS_OPEN_GOLDEN(luts, "luts.safetensors");
  const CdfTables golden =
      *CdfTables::from_padded(luts.get<int32_t>("gc_quantized_cdf"), luts.get<int32_t>("gc_cdf_length"),
                              luts.get<int32_t>("gc_offset"));
  const CdfTables ours = gaussian_tables();
  EXPECT_EQ(ours.lengths(), golden.lengths());
  EXPECT_EQ(ours.offsets(), golden.offsets());
  EXPECT_EQ(ours.ragged_cdf(), golden.ragged_cdf());
}

TEST(GaussianTables, ScaleIndexIsTheSmallestThatHolds) {
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

TEST(GaussianTables, ScaleIndexesOfGoldenPictures) {
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

TEST(GaussianTables, FrequenciesFollowTheLikelihood) {
  const CdfTables tables = gaussian_tables();
  for (int i = 0; i < kScales; ++i) {
    const CdfRow row = tables.row(i);
    double total = 0;
    double lost = 0;  // bits a symbol costs beyond its information, on average
    for (int slot = 0; slot < row.escape; ++slot) {
      const double p = gaussian_likelihood(row.offset + slot, i);
      total += p;
      lost += p * std::log2(p * 65536.0 / (row.cdf[slot + 1] - row.cdf[slot]));
    }
    EXPECT_NEAR(total, 1.0, 2e-9) << i;
    // A slot that would have no frequency takes one from a slot of two or more: 2/65536 to code with a bit
    // more.
    EXPECT_LT(lost, 3.0 * row.escape / 65536.0 + 1e-4) << i;
    EXPECT_GT(lost, -1e-4) << i;
  }
}

}  // namespace
}  // namespace compass
