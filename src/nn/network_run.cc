// How a network's plans are run: op after op, each on the map that the one before it made.
#include <cassert>
#include <utility>

#include "nn/kernels.h"
#include "nn/network_parts.h"
#include "nn/row_pass.h"

namespace compass::nn {
namespace {

// `x` as a view of the padded map that does not hold the padding, which gather() therefore reads as zeros.
MapView behind_zeros(MapView x, const Padding& padding) {
  for (Rect* r : {&x.part, &x.held}) {
    r->y += padding.top;
    r->x += padding.left;
  }
  x.full.height += padding.top;
  x.full.width += padding.left;
  return x;
}

// The network's output, which is f32 and whose pixels are not padded.
Map output_of(Tensor& result, const Plan& plan) {
  Map output;
  output.channels = output.pitch = result.channels;
  output.part = output.held = plan.out;
  output.full = plan.ops.back().out_full;
  output.f32 = result.data.data();
  return output;
}

}  // namespace

struct Network::Run {
  Parts& p;
  const Plan& plan;
  const Input& input;
  Map output;
  Map current{};       // the map that ops so far have made, if any has
  bool owned = false;  // whether one has
  size_t blocks = 0;   // residual blocks run

  // The op's input.
  MapView view(Element element) const {
    if (owned) return current.view(element);
    return input.x;
  }
  Map make_map(int planned) const { return nn::make_map(p.context.buffers(), plan.maps[planned]); }
  void copy_input(const OpPlan& planned);
  void run_block(size_t f, const OpPlan& planned);
  void run_condition(size_t f, const OpPlan& planned);
  void run_op(size_t f, const OpPlan& planned, Map& target);
  void run_all();
};

void Network::Run::copy_input(const OpPlan& planned) {
  Map copy = make_map(planned.copy);
  copy_rows(p.context, view(Element::kF32), copy, copy.part);
  current = std::move(copy);
  owned = true;
}

// A residual block. In a backward pass, its activation is a product with the slope that the activation had at
// that place of the forward one.
void Network::Run::run_block(size_t f, const OpPlan& planned) {
  std::vector<ConvPass>& passes = p.fused[f].passes;
  Map hidden = make_map(planned.inner);
  const MapView trunk = current.view(Element::kF32);
  passes[0].run(p.context, planned.convs[0], current.view(p.compute), hidden);
  ++blocks;
  if (input.saved != nullptr) {
    const Map& forward = input.saved->hidden[input.saved->hidden.size() - blocks];
    slope_rows(p.context, forward.view(p.compute), p.first_op(f).act, hidden, hidden.part);
  }
  passes[1].run(p.context, planned.convs[1], hidden.view(p.compute), current, &trunk);
  if (input.save != nullptr) input.save->hidden.push_back(std::move(hidden));
}

void Network::Run::run_condition(size_t f, const OpPlan& planned) {
  assert(input.prediction.data != nullptr && input.prediction.full == plan.full);
  const int factor = p.first_op(f).factor;
  Map unshuffled = make_map(planned.inner);
  const Padding padding{factor * planned.in_full.height - plan.full.height,
                        factor * planned.in_full.width - plan.full.width};
  unshuffle_rows(p.context, input.prediction, padding, factor, unshuffled, unshuffled.part);
  const MapView trunk = current.view(Element::kF32);
  p.fused[f].passes[0].run(p.context, planned.convs[0], unshuffled.view(p.compute), current, &trunk);
}

void Network::Run::run_op(size_t f, const OpPlan& planned, Map& target) {
  const Op& op = p.first_op(f);
  switch (op.kind) {
    case OpKind::kConv:
    case OpKind::kDeconv:
    case OpKind::kSubpel:
    case OpKind::kIntConv:
      p.fused[f].passes[0].run(p.context, planned.convs[0], view(p.compute), target);
      break;
    case OpKind::kUnshuffle: {
      const MapView x = view(Element::kF32);
      if (p.role == Role::kBackward) {
        unshuffle_rows(p.context, behind_zeros(x, planned.padding), {}, op.factor, target, planned.out);
      } else {
        unshuffle_rows(p.context, x, planned.padding, op.factor, target, planned.out);
      }
      break;
    }
    case OpKind::kShuffle:
      shuffle_rows(p.context, view(Element::kF32), planned.crop, op.factor, target, planned.out);
      break;
    case OpKind::kGdn:
    case OpKind::kIgdn:
      gdn_rows(p.context, view(Element::kF32), planned.gamma, op.kind == OpKind::kIgdn, target, planned.out);
      break;
    case OpKind::kRateGain:
      gain_rows(p.context, view(Element::kF32), p.weights[p.fused[f].first].log_gain, input.rate,
                p.stride(p.fused[f].first), target, planned.out);
      break;
    case OpKind::kRes:
    case OpKind::kCondition:
      break;
  }
}

void Network::Run::run_all() {
  for (size_t f = 0; f < plan.ops.size(); ++f) {
    const OpPlan& planned = plan.ops[f];
    if (planned.copy >= 0) copy_input(planned);
    if (p.first_op(f).kind == OpKind::kRes) {
      run_block(f, planned);
    } else if (p.first_op(f).kind == OpKind::kCondition) {
      run_condition(f, planned);
    } else if (planned.made >= 0) {
      Map made = make_map(planned.made);
      run_op(f, planned, made);
      current = std::move(made);
      owned = true;
    } else {
      run_op(f, planned, output);
      return;
    }
  }
  copy_rows(p.context, current.view(Element::kF32), output, plan.out);
}

void Network::run(const Plan& plan, const Input& input, Tensor& result) {
  assert(input.x.data != nullptr && input.x.full == plan.ops.front().in_full);
  result.reshape(parts_->ops.back().out, plan.out.height, plan.out.width);
  Run{*parts_, plan, input, output_of(result, plan)}.run_all();
}

Tensor Network::run(const Input& input, Size full, Rect out) {
  Tensor result;
  run(*plan(full, out), input, result);
  return result;
}

}  // namespace compass::nn
