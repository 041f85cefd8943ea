#include "priors/gaussian_tables.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "entropy/testing/golden.h"
#include "priors/pmf.h"

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
