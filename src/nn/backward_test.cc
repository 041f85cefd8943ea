// The backward pass through synthesis networks, against finite differences of the forward pass.
#include "nn/backward.h"

#include <gtest/gtest.h>

#include "core/testing/tensor.h"
#include "nn/network.h"
#include "nn/testing/network_pairs.h"

namespace compass::nn {
namespace {

constexpr float kRate = 1.3F;

// The pair whose synthesis network has every op that a backward pass is known of.
Pair known_pair() {
  return all_pairs()[1];
}

double product(const Tensor& a, const Tensor& b) {
  double sum = 0.0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a.data[i]) * b.data[i];
  return sum;
}

Tensor moved(Tensor y, const Tensor& direction, float by) {
  for (size_t i = 0; i < y.size(); ++i) y.data[i] += by * direction.data[i];
  return y;
}

struct Both {
  Network there;
  Network back;
  Tensor forward(const Tensor& y, const Tensor& prediction, Size size, Rect out,
                 SavedActivations* save = nullptr) {
    return there.run({.x = view_of(y), .prediction = view_of(prediction), .rate = kRate, .save = save}, size,
                     out);
  }
  // Of sum(weights * forward), with respect to the latents `out`, from no more pixels than that takes.
  Tensor gradient(const Tensor& weights, const Tensor& y, const Tensor& prediction, Size size, Rect out) {
    const Rect pixels = back.plan(size, out)->input;
    SavedActivations saved;
    forward(y, prediction, size, pixels, &saved);
    const Tensor part = crop(weights, pixels);
    return back.run({.x = view_of(part, pixels, size), .rate = kRate, .saved = &saved}, size, out);
  }
};

template <typename Check>
void for_both(Precision precision, const Check& check) {
  const Pair pair = known_pair();
  const auto backward = make_backward_ops(pair.synthesis, pair.synthesis_weights);
  ASSERT_TRUE(backward);
  ThreadPool pool(2);
  Context context(pool, precision);
  Both both{
      Network(context, Network::Role::kSynthesis, pair.synthesis, pair.synthesis_weights, pair.analysis),
      Network(context, Network::Role::kBackward, backward->ops, backward->weights, backward->ops)};
  for (const Size size : {Size{1, 1}, Size{16, 16}, Size{2, 9}, Size{37, 21}, Size{150, 67}}) {
    const Size latent = both.there.input_size(size);
    EXPECT_EQ(both.back.output_size(size), latent);
    const Tensor y = random_map(pair.synthesis.front().in, latent, 3);
    check(both, y, random_map(3, size, 2), size);
  }
}

TEST(Backward, IsTheGradient) {
  for_both(Precision::kF32, [](Both& both, const Tensor& y, const Tensor& prediction, Size size) {
    const Tensor weights = random_map(3, size, 7);
    const Tensor gradient = both.gradient(weights, y, prediction, size, whole({y.width, y.height}));
    ASSERT_EQ(gradient.size(), y.size());
    for (const uint32_t seed : {11U, 12U, 13U}) {
      const Tensor direction = random_map(y.channels, {y.width, y.height}, seed);
      constexpr float kDisplacement = 2e-4F;  // larger ones cross more of the kinks of activations
      const auto at = [&](float by) {
        return product(weights, both.forward(moved(y, direction, by), prediction, size, whole(size)));
      };
      const double slope = (at(kDisplacement) - at(-kDisplacement)) / (2.0 * kDisplacement);
      EXPECT_NEAR(product(gradient, direction), slope, 0.02 * std::sqrt(product(gradient, gradient)))
          << size.width << "x" << size.height;
    }
  });
}

TEST(Backward, PartsEqualTheWhole) {
  for_both(Precision::kF32, [](Both& both, const Tensor& y, const Tensor& prediction, Size size) {
    const Tensor weights = random_map(3, size, 7);
    const Tensor all = both.gradient(weights, y, prediction, size, whole({y.width, y.height}));
    for (const Rect out : {Rect{0, 0, 1, 1}, Rect{y.width - 1, y.height / 2, 1, 1},
                           Rect{y.width / 3, y.height / 3, (y.width + 2) / 3, (y.height + 1) / 2}}) {
      const Tensor part = both.gradient(weights, y, prediction, size, out);
      const Tensor want = crop(all, out);
      for (size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(part.data[i], want.data[i], 2e-4);
    }
  });
}

TEST(Backward, Bf16IsCloseToF32) {
  std::vector<Tensor> exact;
  const auto gradients = [](std::vector<Tensor>& results) {
    return [&results](Both& both, const Tensor& y, const Tensor& prediction, Size size) {
      results.push_back(
          both.gradient(random_map(3, size, 7), y, prediction, size, whole({y.width, y.height})));
    };
  };
  for_both(Precision::kF32, gradients(exact));
  std::vector<Tensor> rounded;
  for_both(Precision::kBF16, gradients(rounded));
  for (size_t i = 0; i < exact.size(); ++i) {
    const double angle = product(exact[i], rounded[i]) /
                         std::sqrt(product(exact[i], exact[i]) * product(rounded[i], rounded[i]));
    EXPECT_GT(angle, 0.995) << i;
  }
}

TEST(Backward, IsNotMadeUpForOtherOps) {
  const auto pairs = all_pairs();
  EXPECT_FALSE(
      make_backward_ops(pairs[0].synthesis, pairs[0].synthesis_weights));  // GDN, transposed convolutions
  EXPECT_FALSE(
      make_backward_ops(pairs[2].synthesis, pairs[2].synthesis_weights));  // a convolution that crops
}

}  // namespace
}  // namespace compass::nn
