#include "nn/network.h"

#include <algorithm>

#include "graph/geometry.h"
#include "nn/network_parts.h"

namespace compass::nn {
namespace {

// A convolution, of which `exact` and `last` say what a network makes of it: integers, or its output.
ConvPass make_conv(const Layer& l, const LayerWeights& w, bool exact, bool last) {
  return ConvPass({.in = l.in,
                   .out = l.out,
                   .kernel = l.kernel,
                   .stride = l.op == Op::kConv ? l.stride : 1,
                   .up = l.op == Op::kSubpel || l.op == Op::kIntConv ? l.factor : 1,
                   .transposed = l.op == Op::kDeconv,
                   .act = l.act,
                   .weight = &w.weight,
                   .bias = &w.bias,
                   .exact = exact,
                   .keep_channels = last});
}

// A residual block's convolutions.
std::vector<ConvPass> make_block(const Layer& l, const LayerWeights& w, Act act) {
  std::vector<ConvPass> passes;
  passes.emplace_back(ConvSpec{
      .in = l.in, .out = l.hidden, .kernel = l.kernel, .act = act, .weight = &w.weight, .bias = &w.bias});
  passes.emplace_back(
      ConvSpec{.in = l.hidden, .out = l.out, .kernel = l.kernel, .weight = &w.weight2, .bias = &w.bias2});
  return passes;
}

ConvPass make_condition(const Layer& l, const LayerWeights& w) {
  return ConvPass({.in = l.in * l.factor * l.factor,
                   .out = l.out,
                   .kernel = l.kernel,
                   .weight = &w.weight,
                   .bias = &w.bias});
}

Filter make_gamma(const Layer& l, const LayerWeights& w) {
  std::vector<float> beta(w.beta);
  beta.resize(pad_channels(l.in), 1.0F);  // padding: 0 / sqrt(1)
  return pad_filter(w.gamma.data(), beta, l.in, l.in, 1, 1);
}

}  // namespace

void Network::Parts::build() {
  for (size_t i = 0; i < layers.size(); i = ops.back().last) {
    const Layer& l = layers[i];
    const LayerWeights& w = weights[i];
    NetworkOp op{.first = i, .last = i + 1, .passes = {}, .gamma = {}};
    switch (l.op) {
      case Op::kConv:
      case Op::kDeconv:
      case Op::kSubpel:
      case Op::kIntConv: {
        const bool last = i + 1 == layers.size();
        op.passes.push_back(make_conv(l, w, exact, last));
        if (!last && (layers[i + 1].op == Op::kGdn || layers[i + 1].op == Op::kIgdn)) {
          const LayerWeights& gdn = weights[i + 1];
          op.passes[0].add_gdn({&gdn.beta, &gdn.gamma, layers[i + 1].op == Op::kIgdn});
          op.last = i + 2;
        }
        if (l.op == Op::kIntConv) op.passes[0].add_shift({&w.int_shift, l.limit});
        break;
      }
      case Op::kRes:  // going back, the activation stands for its slope: see run_block
        op.passes = make_block(l, w, role == Role::kAdjoint ? Act::kNone : l.act);
        break;
      case Op::kCondition:
        op.passes.push_back(make_condition(l, w));
        break;
      case Op::kGdn:
      case Op::kIgdn:
        op.gamma = make_gamma(l, w);
        break;
      case Op::kUnshuffle:
      case Op::kShuffle:
      case Op::kRateGain:
        break;
    }
    ops.push_back(std::move(op));
  }
}

Network::Parts::Extents Network::Parts::extents(Size full) const {
  if (shrinks()) return {analysis_extents(layers, full.height), analysis_extents(layers, full.width)};
  return {synthesis_extents(mirror, layers, full.height), synthesis_extents(mirror, layers, full.width)};
}

Network::Network(Context& context, Role role, std::span<const Layer> layers,
                 std::span<const LayerWeights> weights, std::span<const Layer> mirror)
    : parts_(new Parts{context, role, layers, weights, mirror}) {
  parts_->exact = !layers.empty() && layers[0].op == Op::kIntConv;
  parts_->compute = parts_->exact ? Element::kF32 : context.compute();
  parts_->build();
}
Network::~Network() = default;
Network::Network(Network&&) noexcept = default;

bool Network::sees_prediction() const {
  return std::any_of(parts_->layers.begin(), parts_->layers.end(),
                     [](const Layer& l) { return l.op == Op::kCondition; });
}

Size Network::input_size(Size full) const {
  return parts_->extents(full).at(0);
}
Size Network::output_size(Size full) const {
  return parts_->extents(full).at(parts_->layers.size());
}

}  // namespace compass::nn
