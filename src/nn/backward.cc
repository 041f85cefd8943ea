#include "nn/backward.h"

namespace compass::nn {
namespace {

// Conv weights [out,in,k,k] -> [in,out,k,k], each k x k of them turned by 180 degrees.
std::vector<float> transposed(const StoredWeights& stored, int out, int in, int kernel) {
  const std::vector<float> weight = stored.floats();
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

// What takes gradients back through a pixel shuffle and the crop behind it (Role::kBackward).
Op unshuffle(int channels, int factor) {
  Op op;
  op.kind = OpKind::kUnshuffle;
  op.in = channels;
  op.out = channels * factor * factor;
  op.factor = op.align = factor;
  return op;
}

Op convolution(int in, int out, int kernel) {
  Op op;
  op.kind = OpKind::kConv;
  op.in = in;
  op.out = out;
  op.kernel = kernel;
  return op;
}

}  // namespace

std::optional<BackwardOps> make_backward_ops(std::span<const Op> ops, std::span<const OpWeights> weights) {
  BackwardOps backward;
  const auto add = [&](const Op& op, OpWeights w = {}) {
    backward.ops.push_back(op);
    backward.weights.push_back(std::move(w));
  };
  for (size_t i = ops.size(); i-- > 0;) {
    const Op& op = ops[i];
    const OpWeights& w = weights[i];
    switch (op.kind) {
      case OpKind::kConv:
      case OpKind::kSubpel: {
        if (op.act != Act::kNone || op.stride != 1 || op.align != 1) return std::nullopt;
        const int out = op.out * op.factor * op.factor;
        if (op.kind == OpKind::kSubpel) add(unshuffle(op.out, op.factor));
        add(convolution(out, op.in, op.kernel),
            {.weight = transposed(w.weight, out, op.in, op.kernel), .bias = zeros(op.in)});
        break;
      }
      case OpKind::kRes: {
        OpWeights back;
        back.weight = transposed(w.weight2, op.out, op.hidden, op.kernel);
        back.bias = zeros(op.hidden);
        back.weight2 = transposed(w.weight, op.hidden, op.in, op.kernel);
        back.bias2 = zeros(op.in);
        add(op, std::move(back));
        break;
      }
      case OpKind::kShuffle:
        add(unshuffle(op.out, op.factor));
        break;
      case OpKind::kRateGain:
        add(op, w);
        break;
      case OpKind::kCondition:
        break;
      case OpKind::kDeconv:
      case OpKind::kUnshuffle:
      case OpKind::kGdn:
      case OpKind::kIgdn:
      case OpKind::kIntConv:
        return std::nullopt;
    }
  }
  return backward;
}

}  // namespace compass::nn
