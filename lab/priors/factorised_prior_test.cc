#include "priors/factorised_prior.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "entropy/testing/golden.h"

namespace compass {
namespace {

FactorisedPrior load(const GoldenFile& file, const std::string& codec) {
  const std::string prefix = codec + "entropy_bottleneck.";
  FactorisedPrior prior;
  for (int k = 0; k < 5; ++k) {
    const std::string layer = std::to_string(k);
    const auto shape = file.shape(prefix + "_matrix" + layer);
    prior.channels = shape[0];
    FactorisedPrior::Layer out{shape[2],
                               shape[1],
                               file.get<float>(prefix + "_matrix" + layer),
                               file.get<float>(prefix + "_bias" + layer),
                               {}};
    if (k < 4) out.factor = file.get<float>(prefix + "_factor" + layer);
    prior.layers.push_back(std::move(out));
  }
  prior.quantiles = file.get<float>(prefix + "quantiles");
  return prior;
}

TEST(FactorisedPrior, TablesAreGolden) {
  COMPASS_OPEN_GOLDEN(file, "tiny_even.safetensors");
  for (const std::string codec : {"w.base.", "w.res."}) {
    const std::string prefix = codec + "entropy_bottleneck.";
    const CdfTables golden = *CdfTables::from_padded(file.get<int32_t>(prefix + "_quantized_cdf"),
                                                     file.get<int32_t>(prefix + "_cdf_length"),
                                                     file.get<int32_t>(prefix + "_offset"));
    const auto ours = factorised_tables(load(file, codec), ZOrigin::kMedian);
    ASSERT_TRUE(ours.ok()) << ours.error().message;
    EXPECT_EQ(ours->lengths(), golden.lengths());
    EXPECT_EQ(ours->offsets(), golden.offsets());
    EXPECT_EQ(ours->ragged_cdf(), golden.ragged_cdf());
  }
}

TEST(FactorisedPrior, LikelihoodIsGolden) {
  for (const std::string name : {"tiny_even", "tiny_odd"}) {
    COMPASS_OPEN_GOLDEN(weights, "tiny_even.safetensors");
    COMPASS_OPEN_GOLDEN(file, name + ".safetensors");
    for (const std::string layer : {"bl.", "el1.", "el2."}) {
      const FactorisedPrior prior = load(weights, layer == "bl." ? "w.base." : "w.res.");
      const auto z_hat = file.get<float>(layer + "z_hat");
      const auto expected = file.get<float>(layer + "lik_z");
      const size_t plane = z_hat.size() / prior.channels;
      for (size_t i = 0; i < z_hat.size(); ++i) {
        const float likelihood = prior.likelihood(static_cast<int>(i / plane), z_hat[i]);
        EXPECT_NEAR(std::max(likelihood, 1e-9F), expected[i], 1e-6F + 1e-4F * expected[i]);
      }
    }
  }
}

// One channel, one layer: the logistic distribution of scale 1 / slope around -bias / slope.
FactorisedPrior logistic(float slope, float bias) {
  FactorisedPrior prior;
  prior.channels = 1;
  // The inverse of softplus, which is the identity beyond 20.
  const float matrix = slope > 20.0F ? slope : std::log(std::expm1(slope));
  prior.layers.push_back({1, 1, {matrix}, {bias}, {}});
  prior.quantiles = {-10.0F, 0.0F, 10.0F};
  return prior;
}

TEST(FactorisedPrior, IntegerTablesReachAllTheMass) {
  const FactorisedPrior prior = logistic(0.5F, 1.5F);  // centred on -3
  const auto tables = factorised_tables(prior, ZOrigin::kInteger);
  ASSERT_TRUE(tables.ok()) << tables.error().message;
  const CdfRow row = tables->row(0);
  const double reach = std::log(2e9) / 0.5;  // from the centre to the tail's begin
  EXPECT_NEAR(row.offset, -3 - reach, 1.5);
  EXPECT_NEAR(row.offset + row.escape, -3 + reach, 1.5);
  double cost = 0;
  for (int slot = 0; slot < row.escape; ++slot) {
    const double p = prior.likelihood(0, static_cast<float>(row.offset + slot));
    if (p > 0) cost += p * std::log2(p * 65536.0 / (row.cdf[slot + 1] - row.cdf[slot]));
  }
  EXPECT_LT(cost, 0.003);
}

TEST(FactorisedPrior, IntegerTablesOfNarrowAndFlatPriors) {
  const auto narrow = factorised_tables(logistic(90.0F, 0.0F), ZOrigin::kInteger);
  ASSERT_TRUE(narrow.ok()) << narrow.error().message;
  EXPECT_EQ(narrow->lengths(), std::vector<int32_t>{3});
  EXPECT_EQ(narrow->offsets(), std::vector<int32_t>{0});
  // A prior so flat that its tails are nowhere near stops at the limit.
  const auto flat = factorised_tables(logistic(1e-4F, 0.0F), ZOrigin::kInteger);
  ASSERT_TRUE(flat.ok()) << flat.error().message;
  EXPECT_EQ(flat->row(0).escape, 4001);
  // One that lies wholly to one side of the limit still has a table: all escapes but for one row.
  EXPECT_TRUE(factorised_tables(logistic(5.0F, 1e5F), ZOrigin::kInteger).ok());
}

TEST(FactorisedPrior, RefusesPartsThatDoNotFit) {
  EXPECT_TRUE(logistic(1.0F, 0.0F).check().ok());
  EXPECT_FALSE(FactorisedPrior().check().ok());
  const auto refused = [](auto change) {
    FactorisedPrior prior = logistic(1.0F, 0.0F);
    change(prior);
    return !factorised_tables(prior, ZOrigin::kMedian).ok();
  };
  EXPECT_FALSE(refused([](FactorisedPrior&) {}));
  EXPECT_TRUE(refused([](FactorisedPrior& p) { p.channels = 2; }));
  EXPECT_TRUE(refused([](FactorisedPrior& p) { p.channels = -1; }));
  EXPECT_TRUE(refused([](FactorisedPrior& p) { p.quantiles.pop_back(); }));
  EXPECT_TRUE(refused([](FactorisedPrior& p) { p.layers[0].out = 2; }));
  EXPECT_TRUE(refused([](FactorisedPrior& p) { p.layers[0].out = -1; }));
  EXPECT_TRUE(refused([](FactorisedPrior& p) { p.layers[0].in = 2; }));
  EXPECT_TRUE(refused([](FactorisedPrior& p) { p.layers[0].bias[0] = NAN; }));
  EXPECT_TRUE(refused([](FactorisedPrior& p) { p.layers[0].factor = {1.0F}; }));
  EXPECT_TRUE(refused([](FactorisedPrior& p) { p.quantiles[2] = INFINITY; }));
  EXPECT_TRUE(refused([](FactorisedPrior& p) { p.quantiles[2] = 1e30F; }));
}

}  // namespace
}  // namespace compass
