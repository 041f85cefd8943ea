// For tests only: pairs of networks that between them hold every op, with random weights.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <utility>
#include <vector>

#include "graph/geometry.h"
#include "graph/op.h"
#include "nn/rate_field.h"

namespace compass::nn {

inline Op conv(int in, int out, int k, int stride = 1, Act act = Act::kNone, int align = 0) {
  Op op;
  op.kind = OpKind::kConv;
  op.in = in;
  op.out = out;
  op.kernel = k;
  op.stride = stride;
  op.align = align == 0 ? stride : align;
  op.act = act;
  return op;
}
inline Op make_op(OpKind kind, int in, int out, int k, int factor, Act act = Act::kNone) {
  Op op;
  op.kind = kind;
  op.in = in;
  op.out = out;
  op.kernel = k;
  op.factor = factor;
  op.act = act;
  if (kind == OpKind::kUnshuffle) op.align = factor;
  if (kind == OpKind::kDeconv) op.stride = 2;
  if (kind == OpKind::kRes) op.hidden = in + 3;
  return op;
}

// A rate that differs from square to square of a picture of up to 64 squares.
inline RateField varied_rate(Size full) {
  static const std::vector<float> squares = [] {
    std::vector<float> rates;
    for (int i = 0; i < 64; ++i) rates.push_back(static_cast<float>(i * 5 % 19) / 10.0F);
    return rates;
  }();
  return {1.3F, squares.data(), ceil_div(full.height, kRateSquare), ceil_div(full.width, kRateSquare)};
}

// Pixels that a sample of the input of these ops stands for, a side: of a synthesis network with this mirror.
inline int total_stride(const std::vector<Op>& analysis) {
  int stride = 1;
  for (const Op& op : analysis) stride *= op.down();
  return stride;
}

// A pair of networks, weights random of a size that keeps activations O(1).
struct Pair {
  std::vector<Op> analysis, synthesis;
  std::vector<OpWeights> analysis_weights, synthesis_weights;
};

inline std::vector<OpWeights> random_weights(const std::vector<Op>& ops, std::mt19937& generator) {
  std::vector<OpWeights> all;
  const auto fill = [&](size_t n, float bound) {
    std::uniform_real_distribution<float> distribution(-bound, bound);
    std::vector<float> values(n);
    for (float& v : values) v = distribution(generator);
    return values;
  };
  for (const Op& op : ops) {
    OpWeights& w = all.emplace_back();
    const size_t taps = static_cast<size_t>(op.kernel) * op.kernel;
    const size_t area = static_cast<size_t>(op.factor) * op.factor;
    const auto bound = [](size_t fan_in) { return std::sqrt(3.0F / static_cast<float>(fan_in)); };
    switch (op.kind) {
      case OpKind::kConv:
      case OpKind::kDeconv:
        w.weight = fill(op.in * op.out * taps, bound(op.in * taps / (op.kind == OpKind::kDeconv ? 4 : 1)));
        w.bias = fill(op.out, 0.2F);
        break;
      case OpKind::kSubpel:
        w.weight = fill(op.in * op.out * taps * area, bound(op.in * taps));
        w.bias = fill(op.out * area, 0.2F);
        break;
      case OpKind::kRes:
        w.weight = fill(op.in * op.hidden * taps, bound(op.in * taps));
        w.bias = fill(op.hidden, 0.2F);
        w.weight2 = fill(op.in * op.hidden * taps, bound(op.hidden * taps));
        w.bias2 = fill(op.in, 0.2F);
        break;
      case OpKind::kCondition:
        w.weight = fill(op.in * area * op.out * taps, bound(op.in * area * taps));
        w.bias = fill(op.out, 0.2F);
        break;
      case OpKind::kGdn:
      case OpKind::kIgdn:
        w.beta.assign(op.in, 1.1F);
        w.gamma = fill(op.in * op.in, 0.02F);
        for (float& g : w.gamma) g = std::abs(g);
        break;
      case OpKind::kRateGain:
        w.log_gain = fill(3 * op.in, 0.5F);
        break;
      default:
        break;
    }
  }
  return all;
}

inline Pair make_pair(std::vector<Op> analysis, std::vector<Op> synthesis) {
  std::mt19937 generator(5);
  Pair pair{std::move(analysis), std::move(synthesis), {}, {}};
  EXPECT_TRUE(check_mirror(pair.analysis, pair.synthesis));
  pair.analysis_weights = random_weights(pair.analysis, generator);
  pair.synthesis_weights = random_weights(pair.synthesis, generator);
  return pair;
}

// Three pairs that between them hold every op, in orders that exercise every way a map is handed on.
inline std::vector<Pair> all_pairs() {
  std::vector<Pair> pairs;
  pairs.push_back(make_pair(
      {conv(3, 20, 5, 2), make_op(OpKind::kGdn, 20, 20, 1, 1), conv(20, 16, 3, 2, Act::kRelu),
       make_op(OpKind::kGdn, 16, 16, 1, 1), make_op(OpKind::kRateGain, 16, 16, 1, 1)},
      {make_op(OpKind::kIgdn, 16, 16, 1, 1), make_op(OpKind::kDeconv, 16, 24, 5, 1, Act::kLeakyRelu),
       make_op(OpKind::kIgdn, 24, 24, 1, 1), make_op(OpKind::kDeconv, 24, 3, 5, 1)}));
  pairs.push_back(make_pair(
      {make_op(OpKind::kUnshuffle, 3, 48, 1, 4), conv(48, 18, 3), make_op(OpKind::kCondition, 3, 18, 3, 4),
       make_op(OpKind::kRes, 18, 18, 3, 1, Act::kLeakyRelu), conv(18, 18, 3, 2),
       make_op(OpKind::kRes, 18, 18, 1, 1, Act::kRelu), conv(18, 12, 1),
       make_op(OpKind::kRateGain, 12, 12, 1, 1)},
      {make_op(OpKind::kRateGain, 12, 12, 1, 1), conv(12, 18, 1),
       make_op(OpKind::kRes, 18, 18, 3, 1, Act::kLeakyRelu), make_op(OpKind::kSubpel, 18, 18, 3, 2),
       make_op(OpKind::kCondition, 3, 18, 1, 4), make_op(OpKind::kRes, 18, 18, 3, 1, Act::kRelu),
       make_op(OpKind::kSubpel, 18, 3, 3, 4)}));
  pairs.push_back(make_pair(
      {conv(3, 8, 3, 1, Act::kLeakyRelu, 2), make_op(OpKind::kUnshuffle, 8, 32, 1, 2), conv(32, 9, 3, 2),
       make_op(OpKind::kRes, 9, 9, 3, 1, Act::kRelu)},
      {make_op(OpKind::kRes, 9, 9, 3, 1, Act::kRelu), conv(9, 64, 1), make_op(OpKind::kShuffle, 64, 4, 1, 4),
       conv(4, 3, 3, 1, Act::kNone, 2), make_op(OpKind::kRateGain, 3, 3, 1, 1)}));
  return pairs;
}

}  // namespace compass::nn
