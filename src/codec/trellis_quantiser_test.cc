// Viterbi's algorithm against trying everything, and what it must not depend on.
#include "codec/trellis_quantiser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "entropy/layer_coder.h"
#include "priors/level_counts.h"

namespace compass {
namespace {

constexpr float kStep = 0.7F;

// Random latents of a size, some of whose elements are skipped.
struct Case {
  Size size;
  int channels = 0;
  std::vector<uint8_t> indexes;
  std::vector<float> targets, means, weights;
  std::vector<int32_t> levels;
  std::vector<float> y_hat;

  Case(std::mt19937& rng, Size s, int m, float spread) : size(s), channels(m) {
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < size.pixels() * channels; ++i) {
      indexes.push_back(static_cast<uint8_t>(rng() % 4 == 0 ? 0 : 1 + rng() % 40));
      means.push_back(normal(rng));
      targets.push_back(means.back() + spread * normal(rng));
    }
    for (int c = 0; c < channels; ++c) weights.push_back(2.0F + 2.0F * static_cast<float>(c % 3));
    levels.resize(indexes.size());
    y_hat.resize(indexes.size());
  }
  TrellisLayout layout(int shift = 0) const { return {size.width, channels, shift}; }
  TrellisLatents view() {
    const size_t stride = static_cast<size_t>(size.width) * channels;
    return {size,
            {indexes.data(), stride},
            {targets.data(), stride},
            {means.data(), stride},
            {levels.data(), stride},
            {y_hat.data(), stride}};
  }
  // Bits and weighted error of element i with a level.
  double cost(const SymbolCosts& costs, int quantiser, size_t i, int64_t level) const {
    const double error = targets[i] - means[i] - kStep * static_cast<double>(level);
    const int row = layout().row_of(indexes[i]) + quantiser * 64;
    return weights[i % channels] * error * error +
           costs.of(row, static_cast<int32_t>(symbol_of(quantiser, level)));
  }
};

// The least cost of the coded elements `at` and what follows them, over all symbols up to 4.
double least(const Case& c, const SymbolCosts& costs, std::span<const size_t> at, int state) {
  if (at.empty()) return 0.0;
  double best = std::numeric_limits<double>::infinity();
  for (int symbol = -4; symbol <= 4; ++symbol) {
    const int64_t level = level_of(quantiser_of(state), symbol);
    best = std::min(best, c.cost(costs, quantiser_of(state), at[0], level) +
                              least(c, costs, at.subspan(1), kTrellisNext[state][symbol & 1]));
  }
  return best;
}

// The coded elements of one block in their order.
std::vector<size_t> coded(const Case& c) {
  std::vector<size_t> at;
  for (int m = 0; m < c.channels; ++m) {
    for (int64_t p = 0; p < c.size.pixels(); ++p) {
      const size_t i = static_cast<size_t>(p) * c.channels + m;
      if (c.indexes[i] != 0) at.push_back(i);
    }
  }
  return at;
}

// What the chosen levels cost; they must be a path.
double chosen(const Case& c, const SymbolCosts& costs) {
  double sum = 0.0;
  int state = 0;
  for (const size_t i : coded(c)) {
    EXPECT_TRUE(has_level(quantiser_of(state), c.levels[i]));
    sum += c.cost(costs, quantiser_of(state), i, c.levels[i]);
    state = kTrellisNext[state][symbol_of(quantiser_of(state), c.levels[i]) & 1];
  }
  return sum;
}

TEST(TrellisQuantiser, FindsTheCheapestPath) {
  const CdfTables tables = LevelCounts(kStep).tables();
  const SymbolCosts costs(tables);
  ThreadPool pool(1);
  std::vector<TrellisBuffers> buffers;
  std::mt19937 rng(5);
  for (int round = 0; round < 60; ++round) {
    Case c(rng, round % 2 == 0 ? Size{3, 2} : Size{1, 5}, 1, 1.2F);
    TrellisQuantiser(tables, c.layout(), kStep).run(c.view(), c.weights, pool, buffers);
    const double best = least(c, costs, coded(c), 0);
    EXPECT_NEAR(chosen(c, costs), best, 1e-3 + 1e-5 * best) << round;
  }
}

TEST(TrellisQuantiser, BeatsRounding) {
  const CdfTables tables = LevelCounts(kStep).tables();
  ThreadPool pool(2);
  std::vector<TrellisBuffers> buffers;
  std::mt19937 rng(6);
  Case c(rng, {40, 35}, 6, 2.0F);
  for (float& weight : c.weights) weight *= 50.0F;  // so that bits hardly matter
  TrellisQuantiser(tables, c.layout(), kStep).run(c.view(), c.weights, pool, buffers);
  double error = 0.0, rounded = 0.0;
  size_t count = 0;
  for (size_t i = 0; i < c.levels.size(); ++i) {
    if (c.indexes[i] == 0) continue;
    const double wanted = c.targets[i] - c.means[i];
    error += std::pow(wanted - kStep * c.levels[i], 2.0);
    rounded += std::pow(wanted - 2.0 * kStep * std::round(wanted / (2.0 * kStep)), 2.0);
    ++count;
  }
  // At about the same bits: each symbol is one of steps of 2 D.
  EXPECT_LT(error, 0.9 * rounded);
  EXPECT_GT(count, 0U);
}

TEST(TrellisQuantiser, LevelsAreCodedAndMakeWhatTheySay) {
  const CdfTables tables = LevelCounts(kStep).tables();
  std::mt19937 rng(7);
  std::vector<TrellisBuffers> buffers;
  for (const auto& [size, channels] :
       {std::pair{Size{1, 1}, 1}, std::pair{Size{1, 1}, 9}, std::pair{Size{33, 31}, 8},
        std::pair{Size{70, 65}, 3}, std::pair{Size{1, 100}, 5}}) {
    for (const int shift : {0, 1, 3}) {
      Case c(rng, size, channels, shift == 3 ? 60.0F : 2.0F);
      const TrellisQuantiser quantiser(tables, c.layout(shift), kStep);
      ThreadPool one(1), three(3);
      quantiser.run(c.view(), c.weights, three, buffers);
      const auto levels = c.levels;
      const auto y_hat = c.y_hat;
      for (size_t i = 0; i < levels.size(); ++i) {
        ASSERT_FLOAT_EQ(y_hat[i], c.means[i] + kStep * static_cast<float>(levels[i]));
        if (c.indexes[i] == 0) {
          ASSERT_EQ(levels[i] % 2, 0);
        }
      }
      // Threads change nothing, nor does it matter whether targets are overwritten.
      c.y_hat = c.targets;
      TrellisLatents in_place = c.view();
      in_place.targets = {c.y_hat.data(), in_place.y_hat.stride};
      quantiser.run(in_place, c.weights, one, buffers);
      EXPECT_EQ(c.levels, levels);
      EXPECT_EQ(c.y_hat, y_hat);

      const auto bytes = encode_layer({{}, levels, c.indexes, {}, 0, c.layout(shift)}, {}, tables);
      ASSERT_TRUE(bytes) << bytes.error().message;
      std::vector<int32_t> back(levels.size());
      ASSERT_TRUE(LayerDecoder::open(*bytes)->decode_levels(tables, c.layout(shift), c.indexes, back));
      EXPECT_EQ(back, levels);
    }
  }
}

// Elements that are not coded are exceptions only where that pays.
TEST(TrellisQuantiser, ExceptionsMustPay) {
  const CdfTables tables = LevelCounts(kStep).tables();
  std::mt19937 rng(8);
  Case c(rng, {2, 2}, 1, 0.0F);
  c.indexes = {0, 0, 0, 0};
  c.targets[1] += 0.8F;  // half a step and a little: not worth its bits
  c.targets[2] += 5.0F;
  c.targets[3] -= 50.0F;
  ThreadPool pool(1);
  std::vector<TrellisBuffers> buffers;
  TrellisQuantiser(tables, c.layout(), kStep).run(c.view(), c.weights, pool, buffers);
  EXPECT_EQ(c.levels, (std::vector<int32_t>{0, 0, 8, -72}));
}

// Values that networks gone wrong may give.
TEST(TrellisQuantiser, TakesAnyValue) {
  const CdfTables tables = LevelCounts(kStep).tables();
  std::mt19937 rng(9);
  Case c(rng, {5, 4}, 3, 1.0F);
  const float inf = std::numeric_limits<float>::infinity();
  const float values[] = {inf, -inf, std::numeric_limits<float>::quiet_NaN(), 1e30F, -1e30F, 1e6F};
  for (size_t i = 0; i < c.targets.size(); i += 3) c.targets[i] = values[i / 3 % std::size(values)];
  ThreadPool pool(1);
  std::vector<TrellisBuffers> buffers;
  TrellisQuantiser(tables, c.layout(), kStep).run(c.view(), c.weights, pool, buffers);
  const auto bytes = encode_layer({{}, c.levels, c.indexes, {}, 0, c.layout()}, {}, tables);
  EXPECT_TRUE(bytes);
}

}  // namespace
}  // namespace compass
