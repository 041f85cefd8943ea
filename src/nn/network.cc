#include "nn/network.h"

#include <algorithm>

#include "graph/geometry.h"
#include "nn/network_parts.h"

namespace compass::nn {
namespace {

// A convolution. `exact`: of an integer network; `last`: its output is the network's.
ConvPass make_conv(const Op& op, const OpWeights& w, bool exact, bool last) {
  return ConvPass({.in = op.in,
                   .out = op.out,
                   .kernel = op.kernel,
                   .stride = op.kind == OpKind::kConv ? op.stride : 1,
                   .up = op.kind == OpKind::kSubpel || op.kind == OpKind::kIntConv ? op.factor : 1,
                   .transposed = op.kind == OpKind::kDeconv,
                   .act = op.act,
                   .weight = &w.weight,
                   .bias = &w.bias,
                   .exact = exact,
                   .keep_channels = last});
}

// A residual block's convolutions.
std::vector<ConvPass> make_block(const Op& op, const OpWeights& w, Act act) {
  std::vector<ConvPass> passes;
  passes.emplace_back(ConvSpec{
      .in = op.in, .out = op.hidden, .kernel = op.kernel, .act = act, .weight = &w.weight, .bias = &w.bias});
  passes.emplace_back(
      ConvSpec{.in = op.hidden, .out = op.out, .kernel = op.kernel, .weight = &w.weight2, .bias = &w.bias2});
  return passes;
}

ConvPass make_condition(const Op& op, const OpWeights& w) {
  return ConvPass({.in = op.in * op.factor * op.factor,
                   .out = op.out,
                   .kernel = op.kernel,
                   .weight = &w.weight,
                   .bias = &w.bias});
}

PaddedConvWeights make_gamma(const Op& op, const OpWeights& w) {
  std::vector<float> beta(w.beta);
  beta.resize(pad_channels(op.in), 1.0F);  // padding: 0 / sqrt(1)
  return pad_conv_weights(w.gamma, beta, op.in, op.in, 1, 1);
}

}  // namespace

void Network::Parts::build() {
  for (size_t i = 0; i < ops.size(); i = fused.back().last) {
    const Op& op = ops[i];
    const OpWeights& w = weights[i];
    FusedOp next{.first = i, .last = i + 1, .passes = {}, .gamma = {}};
    switch (op.kind) {
      case OpKind::kConv:
      case OpKind::kDeconv:
      case OpKind::kSubpel:
      case OpKind::kIntConv: {
        const bool last = i + 1 == ops.size();
        next.passes.push_back(make_conv(op, w, exact, last));
        if (!last && (ops[i + 1].kind == OpKind::kGdn || ops[i + 1].kind == OpKind::kIgdn)) {
          const OpWeights& gdn = weights[i + 1];
          next.passes[0].add_gdn({&gdn.beta, &gdn.gamma, ops[i + 1].kind == OpKind::kIgdn});
          next.last = i + 2;
        }
        if (op.kind == OpKind::kIntConv) next.passes[0].add_shift({&w.int_shift, op.limit});
        break;
      }
      case OpKind::kRes:  // the backward pass multiplies by the activation's slope instead: see run_block
        next.passes = make_block(op, w, role == Role::kBackward ? Act::kNone : op.act);
        break;
      case OpKind::kCondition:
        next.passes.push_back(make_condition(op, w));
        break;
      case OpKind::kGdn:
      case OpKind::kIgdn:
        next.gamma = make_gamma(op, w);
        break;
      case OpKind::kUnshuffle:
      case OpKind::kShuffle:
      case OpKind::kRateGain:
        break;
    }
    fused.push_back(std::move(next));
  }
}

int Network::Parts::stride(size_t i) const {
  int stride = 1;
  if (shrinks()) {
    for (const Op& op : ops.first(i)) stride *= op.down();
    return stride;
  }
  for (const Op& op : mirror) stride *= op.down();
  for (const Op& op : ops.first(i)) stride /= op.up();
  return std::max(stride, 1);
}

Network::Parts::Extents Network::Parts::extents(Size full) const {
  if (shrinks()) return {analysis_extents(ops, full.height), analysis_extents(ops, full.width)};
  return {synthesis_extents(mirror, ops, full.height), synthesis_extents(mirror, ops, full.width)};
}

Network::Network(Context& context, Role role, std::span<const Op> ops, std::span<const OpWeights> weights,
                 std::span<const Op> mirror)
    : parts_(new Parts{context, role, ops, weights, mirror}) {
  parts_->exact = !ops.empty() && ops[0].kind == OpKind::kIntConv;
  parts_->compute = parts_->exact ? Element::kF32 : context.compute();
  parts_->build();
}
Network::~Network() = default;
Network::Network(Network&&) noexcept = default;

bool Network::reads_prediction() const {
  return std::any_of(parts_->ops.begin(), parts_->ops.end(),
                     [](const Op& op) { return op.kind == OpKind::kCondition; });
}

Size Network::input_size(Size full) const {
  return parts_->extents(full).at(0);
}
Size Network::output_size(Size full) const {
  return parts_->extents(full).at(parts_->ops.size());
}

}  // namespace compass::nn
