#include "nn/adjoint.h"

namespace compass::nn {
namespace {

// Kernels [out,in,k,k] -> [in,out,k,k], turned by half a circle.
std::vector<float> transposed(const std::vector<float>& weight, int out, int in, int kernel) {
  const size_t taps = static_cast<size_t>(kernel) * kernel;
  std::vector<float> result(weight.size());
  for (int o = 0; o < out; ++o) {
    for (int i = 0; i < in; ++i) {
      const float* from = weight.data() + (static_cast<size_t>(o) * in + i) * taps;
      float* to = result.data() + (static_cast<size_t>(i) * out + o) * taps;
      for (size_t t = 0; t < taps; ++t) to[t] = from[taps - 1 - t];
    }
  }
  return result;
}

std::vector<float> zeros(int count) {
  return std::vector<float>(static_cast<size_t>(count), 0.0F);
}

// The adjoint of a pixel shuffle; of its crop, too: see Role::kAdjoint.
Layer unshuffle(int channels, int factor) {
  Layer layer;
  layer.op = Op::kUnshuffle;
  layer.in = channels;
  layer.out = channels * factor * factor;
  layer.factor = layer.align = factor;
  return layer;
}

Layer convolution(int in, int out, int kernel) {
  Layer layer;
  layer.op = Op::kConv;
  layer.in = in;
  layer.out = out;
  layer.kernel = kernel;
  return layer;
}

}  // namespace

std::optional<Adjoint> adjoint_of(std::span<const Layer> layers, std::span<const LayerWeights> weights) {
  Adjoint adjoint;
  const auto add = [&](const Layer& layer, LayerWeights w = {}) {
    adjoint.layers.push_back(layer);
    adjoint.weights.push_back(std::move(w));
  };
  for (size_t i = layers.size(); i-- > 0;) {
    const Layer& l = layers[i];
    const LayerWeights& w = weights[i];
    switch (l.op) {
      case Op::kConv:
      case Op::kSubpel: {
        if (l.act != Act::kNone || l.stride != 1 || l.align != 1) return std::nullopt;
        const int out = l.out * l.factor * l.factor;
        if (l.op == Op::kSubpel) add(unshuffle(l.out, l.factor));
        add(convolution(out, l.in, l.kernel),
            {.weight = transposed(w.weight, out, l.in, l.kernel), .bias = zeros(l.in)});
        break;
      }
      case Op::kRes: {
        LayerWeights back;
        back.weight = transposed(w.weight2, l.out, l.hidden, l.kernel);
        back.bias = zeros(l.hidden);
        back.weight2 = transposed(w.weight, l.hidden, l.in, l.kernel);
        back.bias2 = zeros(l.in);
        add(l, std::move(back));
        break;
      }
      case Op::kShuffle:
        add(unshuffle(l.out, l.factor));
        break;
      case Op::kRateGain:
        add(l, w);
        break;
      case Op::kCondition:
        break;
      case Op::kDeconv:
      case Op::kUnshuffle:
      case Op::kGdn:
      case Op::kIgdn:
      case Op::kIntConv:
        return std::nullopt;
    }
  }
  return adjoint;
}

}  // namespace compass::nn
