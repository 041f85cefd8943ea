// Networks against their plain twin: every op, odd sizes, both formats; parts against the whole; thread
// counts.
#include "nn/network.h"

#include <gtest/gtest.h>

#include <random>

#include "core/testing/tensor.h"
#include "graph/geometry.h"
#include "nn/testing/network_pairs.h"
#include "nn/testing/plain_network.h"
#include "nn/testing/target.h"

namespace compass::nn {
namespace {

double rms_difference(const Tensor& a, const Tensor& b) {
  double sum = 0.0;
  double power = 0.0;
  for (size_t i = 0; i < b.size(); ++i) {
    sum += (a.data[i] - b.data[i]) * (a.data[i] - b.data[i]);
    power += b.data[i] * b.data[i];
  }
  return std::sqrt(sum / std::max(power, 1e-30));
}

const Size kSizes[] = {{1, 1}, {16, 16}, {2, 9}, {37, 21}, {150, 67}};

// Runs both networks of every pair at every size and hands both results to `check`, with the plain twin's.
template <typename Check>
void for_networks(Context& context, const Check& check) {
  for (const Pair& p : all_pairs()) {
    Network analysis(context, Network::Role::kAnalysis, p.analysis, p.analysis_weights, p.analysis);
    Network synthesis(context, Network::Role::kSynthesis, p.synthesis, p.synthesis_weights, p.analysis);
    for (const Size size : kSizes) {
      const Tensor x = random_map(3, size, 1);
      const Tensor prediction = random_map(3, size, 2);
      check(analysis, true, p.analysis, p.analysis_weights, p, x, prediction, size);
      const Size latent = analysis.output_size(size);
      const Tensor y = random_map(p.synthesis.front().in, latent, 3);
      check(synthesis, false, p.synthesis, p.synthesis_weights, p, y, prediction, size);
    }
  }
}

Tensor run_whole(Network& network, const Tensor& x, const Tensor& prediction, Size size) {
  return network.run({.x = view_of(x), .prediction = view_of(prediction), .rate = varied_rate(size)}, size,
                     whole(network.output_size(size)));
}

TEST(Network, EqualsItsPlainTwin) {
  ThreadPool pool(2);
  for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
    Context context(pool, precision);
    const bool exact = context.compute() == Element::kF32;
    for_networks(context, [&](Network& network, bool is_analysis, const auto& ops, const auto& weights,
                              const Pair& p, const Tensor& x, const Tensor& prediction, Size size) {
      const auto heights = synthesis_extents(p.analysis, p.synthesis, size.height);
      const auto widths = synthesis_extents(p.analysis, p.synthesis, size.width);
      const Tensor want = plain_network(ops, weights, is_analysis, x, &prediction, varied_rate(size), heights,
                                        widths, is_analysis ? 1 : total_stride(p.analysis));
      const Tensor have = run_whole(network, x, prediction, size);
      ASSERT_EQ(have.channels, want.channels);
      ASSERT_EQ(have.height, want.height);
      ASSERT_EQ(have.width, want.width);
      EXPECT_LT(rms_difference(have, want), exact ? 1e-6 : 0.02) << size.width << "x" << size.height;
    });
    for (const std::string& name : context.implementations()) {
      EXPECT_EQ(name.find("ref"), std::string::npos) << "oneDNN fell back to " << name;
    }
  }
}

TEST(Network, PartsEqualTheWhole) {
  ThreadPool pool(2);
  Context context(pool, Precision::kF32);
  for_networks(context, [&](Network& network, bool, const auto&, const auto&, const Pair&, const Tensor& x,
                            const Tensor& prediction, Size size) {
    const Tensor all = run_whole(network, x, prediction, size);
    const Size out_size{all.width, all.height};
    for (const Rect out :
         {Rect{0, 0, 1, 1}, Rect{out_size.width - 1, out_size.height / 2, 1, 1},
          Rect{out_size.width / 3, out_size.height / 3, (out_size.width + 2) / 3, (out_size.height + 1) / 2},
          Rect{out_size.width / 2, 0, (out_size.width + 1) / 2, out_size.height}}) {
      const Rect need = network.plan(size, out)->input;
      const Rect prediction_need = network.plan(size, out)->prediction;
      const Tensor x_part = crop(x, need);
      const Tensor prediction_part = crop(prediction, prediction_need);
      const Tensor part = network.run({.x = view_of(x_part, need, {x.width, x.height}),
                                       .prediction = view_of(prediction_part, prediction_need, size),
                                       .rate = varied_rate(size)},
                                      size, out);
      const Tensor want = crop(all, out);
      for (size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(part.data[i], want.data[i], 2e-5);
    }
  });
}

// In exact arithmetic to the last bit, and on every target: rectangles reach as far as roundings do.
class ExactNetwork : public OnEveryTarget {};
INSTANTIATE_TEST_SUITE_P(Targets, ExactNetwork, testing::ValuesIn(kernel_targets()), target_name);

TEST_P(ExactNetwork, PartsAndTargetsDoNotChangeABit) {
  ThreadPool pool(2);
  std::vector<Tensor> wholes;
  {
    hwy::SetSupportedTargetsForTest(kernel_targets().back());
    Context plainest(pool, Precision::kExact);
    for_networks(plainest, [&](Network& network, bool, const auto&, const auto&, const Pair&, const Tensor& x,
                               const Tensor& prediction,
                               Size size) { wholes.push_back(run_whole(network, x, prediction, size)); });
    hwy::SetSupportedTargetsForTest(GetParam());
  }
  Context context(pool, Precision::kExact);
  size_t at = 0;
  for_networks(context, [&](Network& network, bool, const auto&, const auto&, const Pair&, const Tensor& x,
                            const Tensor& prediction, Size size) {
    const Tensor all = run_whole(network, x, prediction, size);
    ASSERT_EQ(all.data, wholes[at++].data);
    const int width = all.width, height = all.height;
    for (const Rect out : {Rect{0, 0, 1, 1}, Rect{width - 1, height / 2, 1, 1},
                           Rect{width / 3, height / 3, (width + 2) / 3, (height + 1) / 2},
                           Rect{width / 2, 0, (width + 1) / 2, height}}) {
      const auto plan = network.plan(size, out);
      const Tensor x_part = crop(x, plan->input);
      const Tensor prediction_part = crop(prediction, plan->prediction);
      const Tensor part = network.run({.x = view_of(x_part, plan->input, {x.width, x.height}),
                                       .prediction = view_of(prediction_part, plan->prediction, size),
                                       .rate = varied_rate(size)},
                                      size, out);
      ASSERT_EQ(part.data, crop(all, out).data) << size.width << "x" << size.height;
    }
  });
}

TEST(Network, PreparationFindsEveryKernel) {
  ThreadPool pool(3);
  for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
    Context context(pool, precision);
    for_networks(context, [&](Network& network, bool, const auto&, const auto& weights, const Pair&,
                              const Tensor& x, const Tensor& prediction, Size size) {
      const Rect out = whole(network.output_size(size));
      context.compile(network.plan(size, out)->kernels);
      const size_t before = context.kernels();
      run_whole(network, x, prediction, size);
      // A GDN that follows no convolution makes its own.
      const bool lone_gdn = !weights.front().beta.empty();
      EXPECT_TRUE(lone_gdn || context.kernels() == before) << size.width << "x" << size.height;
    });
  }
}

TEST(Network, ThreadsDoNotChangeResults) {
  ThreadPool one(1);
  ThreadPool four(4);
  for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
    Context context_one(one, precision);
    Context context_four(four, precision);
    std::vector<Tensor> results;
    for_networks(context_one, [&](Network& network, bool, const auto&, const auto&, const Pair&,
                                  const Tensor& x, const Tensor& prediction,
                                  Size size) { results.push_back(run_whole(network, x, prediction, size)); });
    size_t at = 0;
    for_networks(context_four, [&](Network& network, bool, const auto&, const auto&, const Pair&,
                                   const Tensor& x, const Tensor& prediction, Size size) {
      EXPECT_EQ(run_whole(network, x, prediction, size).data, results[at++].data);
    });
  }
}

TEST(IntNetwork, EqualsIntegerArithmetic) {
  std::mt19937 generator(9);
  std::vector<Op> mirror{conv(4, 4, 3, 2), conv(4, 5, 3, 2)};
  std::vector<Op> ops{make_op(OpKind::kIntConv, 5, 7, 3, 2), make_op(OpKind::kIntConv, 7, 6, 3, 2),
                      make_op(OpKind::kIntConv, 6, 12, 3, 1)};
  ops[0].limit = ops[1].limit = 255;
  ops[2].limit = 63;
  std::vector<OpWeights> weights(3);
  for (size_t i = 0; i < ops.size(); ++i) {
    const Op& op = ops[i];
    const int outputs = op.out * op.factor * op.factor;
    std::uniform_int_distribution<int> weight(-127, 127);
    std::vector<int8_t> integers;
    for (int k = 0; k < outputs * op.in * 9; ++k) integers.push_back(static_cast<int8_t>(weight(generator)));
    for (int k = 0; k < outputs; ++k) {
      weights[i].int_bias.push_back(weight(generator) * 20);
      weights[i].int_shift.push_back(k % 5 == 0 ? 0 : 5 + k % 7);
    }
    weights[i].weight = {std::move(integers), std::vector<float>(outputs, 1.0F)};
    weights[i].bias.assign(weights[i].int_bias.begin(), weights[i].int_bias.end());
  }
  ThreadPool pool(2);
  Context context(pool);  // integers are exact in either format
  Network network(context, Network::Role::kSynthesis, ops, weights, mirror);
  for (const Size size : {Size{1, 1}, Size{9, 5}, Size{64, 30}, Size{131, 77}}) {
    const Size z = network.input_size(size);
    Tensor x(5, z.height, z.width);
    std::uniform_int_distribution<int> symbol(-127, 127);
    for (float& v : x.data) v = static_cast<float>(symbol(generator));
    const auto heights = synthesis_extents(mirror, ops, size.height);
    const auto widths = synthesis_extents(mirror, ops, size.width);
    const Tensor want = plain_network(ops, weights, false, x, nullptr, 0.0F, heights, widths);
    const Tensor have = network.run({.x = view_of(x)}, size, whole(size));
    EXPECT_EQ(have.data, want.data);
  }
}

TEST(Geometry, MirrorsThatDoNotFitAreRefused) {
  const std::vector<Op> down{conv(3, 4, 3, 2), conv(4, 4, 3, 2)};
  EXPECT_TRUE(check_mirror(down, std::vector{make_op(OpKind::kSubpel, 4, 3, 3, 4)}));
  EXPECT_TRUE(
      check_mirror(std::vector{make_op(OpKind::kUnshuffle, 3, 48, 1, 4)},
                   std::vector{make_op(OpKind::kSubpel, 48, 8, 3, 2), make_op(OpKind::kSubpel, 8, 3, 3, 2)}));
  EXPECT_FALSE(check_mirror(down, std::vector{make_op(OpKind::kSubpel, 4, 3, 3, 2)}));
  EXPECT_FALSE(check_mirror(down, std::vector{make_op(OpKind::kSubpel, 4, 3, 3, 8)}));
  EXPECT_FALSE(check_mirror(down, std::vector{make_op(OpKind::kSubpel, 4, 3, 3, 3)}));
  EXPECT_FALSE(check_mirror(std::vector{conv(3, 4, 3, 1, Act::kNone, 2)}, std::vector{conv(4, 3, 3)}));
  EXPECT_TRUE(check_mirror(std::vector{conv(3, 4, 3, 1, Act::kNone, 2)},
                           std::vector{conv(4, 3, 3, 1, Act::kNone, 2)}));
}

}  // namespace
}  // namespace compass::nn
