// Every stage of both codecs, in f32, against golden tensors: the reference implementation's five cases, and
// the plain Python's of tests/golden.
#include <gtest/gtest.h>

#include <cmath>

#include "graph/geometry.h"
#include "model_file/testing/golden_model.h"
#include "networks/networks.h"

namespace compass {
namespace {

constexpr double kTolerance = 1e-4;     // of the spread, as the golden files state it
constexpr double kSymbolMargin = 1e-3;  // a symbol may differ only this close to a rounding boundary

const char* const kCases[] = {"small", "tiny_even", "tiny_odd", "tiny_frac", "tiny_same", "tiny_cellbug"};
const char* const kLayers[] = {"bl", "el1", "el2"};

class GoldenNetworks : public testing::TestWithParam<std::tuple<const char*, const char*>> {
 protected:
  void SetUp() override {
    const std::string name = std::get<0>(GetParam());
    if (!Golden::open(golden_weights(name))) GTEST_SKIP() << "no golden files here (set COMPASS_SHARED)";
    golden_ = Golden::open(name + ".safetensors");
    ASSERT_TRUE(golden_);
    prefix_ = std::string(std::get<1>(GetParam())) + ".";
    if (!golden_->has(prefix_ + "x")) GTEST_SKIP() << "the case has no such layer";
    model_ = golden_model(name);
    ASSERT_NE(model_, nullptr);
    kind_ = prefix_ == "bl." ? CodecKind::kBase : CodecKind::kEnhancement;
  }
  Tensor tensor(const std::string& name) const { return golden_->tensor(prefix_ + name); }

  std::optional<Golden> golden_;
  std::string prefix_;
  std::shared_ptr<const Model> model_;
  CodecKind kind_ = CodecKind::kBase;
  ThreadPool pool_{2};
  nn::Context context_{pool_, Precision::kF32};
};

TEST_P(GoldenNetworks, PaddingFollowsFromSizes) {
  const Tensor x = tensor("x");
  for (const auto& [name, ops, size] :
       {std::tuple{"flags_ga", model_->codec(kind_).g_a, Size{x.width, x.height}},
        std::tuple{"flags_ha", model_->codec(kind_).h_a,
                   nn::analysis_size(model_->codec(kind_).g_a, {x.width, x.height})}}) {
    const auto flags = golden_->integers(prefix_ + name);
    const auto heights = nn::analysis_extents(ops, size.height);
    const auto widths = nn::analysis_extents(ops, size.width);
    size_t level = 0;
    for (size_t i = 0; i < ops.size(); ++i) {
      if (ops[i].align == 1) continue;
      EXPECT_EQ(flags[2 * level], nn::round_up(heights[i], 2) - heights[i]) << name << level;
      EXPECT_EQ(flags[2 * level + 1], nn::round_up(widths[i], 2) - widths[i]) << name << level;
      ++level;
    }
    EXPECT_EQ(2 * level, flags.size());
  }
}

TEST_P(GoldenNetworks, EveryStage) {
  CodecNetworks networks(model_, kind_, context_);
  const Tensor x = tensor("x");
  const Size picture{x.width, x.height};

  const Tensor y = networks.analyse(x, nullptr, 0.0F);
  EXPECT_LT(relative_error(y, tensor("y")), kTolerance);
  const Tensor z = networks.hyper_analyse(tensor("y"));
  EXPECT_LT(relative_error(z, tensor("z")), kTolerance);

  const auto z_symbols = networks.quantise_hyper(tensor("z"));
  EXPECT_EQ(z_symbols, golden_->symbols(prefix_ + "z_sym"));

  const HyperParameters h = networks.hyper_synthesise(z_symbols, picture);
  EXPECT_LT(relative_error(h.scales, tensor("scales")), kTolerance);
  EXPECT_LT(relative_error(h.means, tensor("means")), kTolerance);
  const auto indexes = golden_->symbols(prefix_ + "y_idx");
  int different = 0;
  for (size_t i = 0; i < indexes.size(); ++i) different += h.indexes[i] != indexes[i];
  EXPECT_EQ(different, 0);

  const auto q = quantise(tensor("y"), tensor("means"));
  const auto want = golden_->symbols(prefix_ + "y_sym");
  ASSERT_EQ(q.size(), want.size());
  const Tensor golden_y = tensor("y");
  const Tensor golden_means = tensor("means");
  for (size_t i = 0; i < q.size(); ++i) {
    const double d = static_cast<double>(golden_y.data[i]) - golden_means.data[i];
    if (std::abs(std::abs(d - std::floor(d)) - 0.5) < kSymbolMargin) continue;
    EXPECT_EQ(q[i], want[i]);
  }
  const Tensor y_hat = dequantise(want, tensor("means"));
  EXPECT_LT(relative_error(y_hat, tensor("y_hat")), 1e-6);

  const Tensor x_hat = networks.synthesise(tensor("y_hat"), nullptr, 0.0F, picture);
  EXPECT_LT(relative_error(x_hat, tensor("x_hat")), kTolerance);
}

// Intermediate outputs, where the files have them, by running the first ops only.
TEST_P(GoldenNetworks, EveryOp) {
  const CodecDescription& codec = model_->codec(kind_);
  const CodecWeights& weights = model_->weights(kind_);
  const Tensor x = tensor("x");
  const Size picture{x.width, x.height};
  const Tensor y_hat = tensor("y_hat");
  for (size_t n = 1; n <= 7; ++n) {
    const std::string ga = "ga" + std::to_string(n - 1);
    if (golden_->has(prefix_ + ga)) {
      const std::span ops(codec.g_a.data(), n);
      nn::Network network(context_, nn::Network::Role::kAnalysis, ops, weights.g_a, ops);
      const Tensor out = network.run({.x = nn::view_of(x)}, picture, whole(network.output_size(picture)));
      EXPECT_LT(relative_error(out, tensor(ga)), kTolerance) << ga;
    }
    const std::string gs = "gs" + std::to_string(n - 1);
    if (golden_->has(prefix_ + gs)) {
      nn::Network network(context_, nn::Network::Role::kSynthesis, std::span(codec.g_s.data(), n),
                          weights.g_s, codec.g_a);
      const Tensor out = network.run({.x = nn::view_of(y_hat)}, picture, whole(network.output_size(picture)));
      EXPECT_LT(relative_error(out, tensor(gs)), kTolerance) << gs;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenNetworks,
                         testing::Combine(testing::ValuesIn(kCases), testing::ValuesIn(kLayers)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)) + "_" + std::get<1>(info.param);
                         });

}  // namespace
}  // namespace compass
