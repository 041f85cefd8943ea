// For tests only: pairs of networks that between them hold every op, with random weights.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <utility>
#include <vector>

#include "graph/geometry.h"
#include "graph/layer.h"

namespace compass::nn {

inline Layer conv(int in, int out, int k, int stride = 1, Act act = Act::kNone, int align = 0) {
  Layer l;
  l.op = Op::kConv;
  l.in = in;
  l.out = out;
  l.kernel = k;
  l.stride = stride;
  l.align = align == 0 ? stride : align;
  l.act = act;
  return l;
}
inline Layer layer(Op op, int in, int out, int k, int factor, Act act = Act::kNone) {
  Layer l;
  l.op = op;
  l.in = in;
  l.out = out;
  l.kernel = k;
  l.factor = factor;
  l.act = act;
  if (op == Op::kUnshuffle) l.align = factor;
  if (op == Op::kDeconv) l.stride = 2;
  if (op == Op::kRes) l.hidden = in + 3;
  return l;
}

// A pair of networks, weights random of a size that keeps activations O(1).
struct Pair {
  std::vector<Layer> analysis, synthesis;
  std::vector<LayerWeights> analysis_weights, synthesis_weights;
};

inline std::vector<LayerWeights> random_weights(const std::vector<Layer>& layers, std::mt19937& generator) {
  std::vector<LayerWeights> all;
  const auto fill = [&](size_t n, float bound) {
    std::uniform_real_distribution<float> distribution(-bound, bound);
    std::vector<float> values(n);
    for (float& v : values) v = distribution(generator);
    return values;
  };
  for (const Layer& l : layers) {
    LayerWeights& w = all.emplace_back();
    const size_t taps = static_cast<size_t>(l.kernel) * l.kernel;
    const size_t area = static_cast<size_t>(l.factor) * l.factor;
    const auto bound = [](size_t fan_in) { return std::sqrt(3.0F / static_cast<float>(fan_in)); };
    switch (l.op) {
      case Op::kConv:
      case Op::kDeconv:
        w.weight = fill(l.in * l.out * taps, bound(l.in * taps / (l.op == Op::kDeconv ? 4 : 1)));
        w.bias = fill(l.out, 0.2F);
        break;
      case Op::kSubpel:
        w.weight = fill(l.in * l.out * taps * area, bound(l.in * taps));
        w.bias = fill(l.out * area, 0.2F);
        break;
      case Op::kRes:
        w.weight = fill(l.in * l.hidden * taps, bound(l.in * taps));
        w.bias = fill(l.hidden, 0.2F);
        w.weight2 = fill(l.in * l.hidden * taps, bound(l.hidden * taps));
        w.bias2 = fill(l.in, 0.2F);
        break;
      case Op::kCondition:
        w.weight = fill(l.in * area * l.out * taps, bound(l.in * area * taps));
        w.bias = fill(l.out, 0.2F);
        break;
      case Op::kGdn:
      case Op::kIgdn:
        w.beta.assign(l.in, 1.1F);
        w.gamma = fill(l.in * l.in, 0.02F);
        for (float& g : w.gamma) g = std::abs(g);
        break;
      case Op::kRateGain:
        w.log_gain = fill(3 * l.in, 0.5F);
        break;
      default:
        break;
    }
  }
  return all;
}

inline Pair make_pair(std::vector<Layer> analysis, std::vector<Layer> synthesis) {
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
  pairs.push_back(
      make_pair({conv(3, 20, 5, 2), layer(Op::kGdn, 20, 20, 1, 1), conv(20, 16, 3, 2, Act::kRelu),
                 layer(Op::kGdn, 16, 16, 1, 1), layer(Op::kRateGain, 16, 16, 1, 1)},
                {layer(Op::kIgdn, 16, 16, 1, 1), layer(Op::kDeconv, 16, 24, 5, 1, Act::kLeakyRelu),
                 layer(Op::kIgdn, 24, 24, 1, 1), layer(Op::kDeconv, 24, 3, 5, 1)}));
  pairs.push_back(make_pair(
      {layer(Op::kUnshuffle, 3, 48, 1, 4), conv(48, 18, 3), layer(Op::kCondition, 3, 18, 3, 4),
       layer(Op::kRes, 18, 18, 3, 1, Act::kLeakyRelu), conv(18, 18, 3, 2),
       layer(Op::kRes, 18, 18, 1, 1, Act::kRelu), conv(18, 12, 1), layer(Op::kRateGain, 12, 12, 1, 1)},
      {layer(Op::kRateGain, 12, 12, 1, 1), conv(12, 18, 1), layer(Op::kRes, 18, 18, 3, 1, Act::kLeakyRelu),
       layer(Op::kSubpel, 18, 18, 3, 2), layer(Op::kCondition, 3, 18, 1, 4),
       layer(Op::kRes, 18, 18, 3, 1, Act::kRelu), layer(Op::kSubpel, 18, 3, 3, 4)}));
  pairs.push_back(
      make_pair({conv(3, 8, 3, 1, Act::kLeakyRelu, 2), layer(Op::kUnshuffle, 8, 32, 1, 2), conv(32, 9, 3, 2),
                 layer(Op::kRes, 9, 9, 3, 1, Act::kRelu)},
                {layer(Op::kRes, 9, 9, 3, 1, Act::kRelu), conv(9, 64, 1), layer(Op::kShuffle, 64, 4, 1, 4),
                 conv(4, 3, 3, 1, Act::kNone, 2), layer(Op::kRateGain, 3, 3, 1, 1)}));
  return pairs;
}

}  // namespace compass::nn
