// How a network's plans are run: op after op, each on the map that the one before it made.
#include <cassert>
#include <utility>

#include "nn/kernels.h"
#include "nn/network_parts.h"
#include "nn/row_pass.h"

namespace compass::nn {
namespace {

// `x` as a part of the padded map, in which the padding is what is not there: zeros.
MapView behind_zeros(MapView x, const Padding& padding) {
  x.part.y += padding.top;
  x.part.x += padding.left;
  x.full.height += padding.top;
  x.full.width += padding.left;
  return x;
}

// The network's output, which is f32 and whose pixels are not padded.
Map output_of(Tensor& result, const Plan& plan) {
  Map output;
  output.channels = output.pitch = result.channels;
  output.part = plan.out;
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
  Map current{};       // what the op before made; nothing before the first that makes a map
  bool owned = false;  // whether there is something
  size_t blocks = 0;   // residual blocks run

  // The op's input.
  MapView view(Element element) const {
    if (owned) return current.view(element);
    return view_of(*input.x, input.x_part, plan.ops.front().in_full);
  }
  Map make_map(int planned) const { return nn::make_map(p.context.buffers(), plan.maps[planned]); }
  void copy_input(const OpPlan& op);
  void run_block(size_t s, const OpPlan& op);
  void run_condition(size_t s, const OpPlan& op);
  void run_op(size_t s, const OpPlan& op, Map& target);
  void run_all();
};

void Network::Run::copy_input(const OpPlan& op) {
  Map copy = make_map(op.copy);
  copy_rows(p.context, view(Element::kF32), copy, copy.part);
  current = std::move(copy);
  owned = true;
}

// A residual block. In a backward pass, its activation is a product with the slope that the activation had at
// that place of the forward one.
void Network::Run::run_block(size_t s, const OpPlan& op) {
  std::vector<ConvPass>& passes = p.ops[s].passes;
  Map hidden = make_map(op.inner);
  const MapView trunk = current.view(Element::kF32);
  passes[0].run(p.context, op.convs[0], current.view(p.compute), hidden);
  ++blocks;
  if (input.passed != nullptr) {
    const Map& forward = input.passed->hidden[input.passed->hidden.size() - blocks];
    slope_rows(p.context, forward.view(p.compute), p.layer(s).act, hidden, hidden.part);
  }
  passes[1].run(p.context, op.convs[1], hidden.view(p.compute), current, &trunk);
  if (input.trace != nullptr) input.trace->hidden.push_back(std::move(hidden));
}

void Network::Run::run_condition(size_t s, const OpPlan& op) {
  assert(input.prediction != nullptr);
  const int factor = p.layer(s).factor;
  Map unshuffled = make_map(op.inner);
  const MapView prediction = view_of(*input.prediction, input.prediction_part, plan.full);
  const Padding padding{factor * op.in_full.height - plan.full.height,
                        factor * op.in_full.width - plan.full.width};
  unshuffle_rows(p.context, prediction, padding, factor, unshuffled, unshuffled.part);
  const MapView trunk = current.view(Element::kF32);
  p.ops[s].passes[0].run(p.context, op.convs[0], unshuffled.view(p.compute), current, &trunk);
}

void Network::Run::run_op(size_t s, const OpPlan& op, Map& target) {
  const Layer& l = p.layer(s);
  switch (l.op) {
    case Op::kConv:
    case Op::kDeconv:
    case Op::kSubpel:
    case Op::kIntConv:
      p.ops[s].passes[0].run(p.context, op.convs[0], view(p.compute), target);
      break;
    case Op::kUnshuffle: {
      const MapView x = view(Element::kF32);
      if (p.role == Role::kAdjoint) {
        unshuffle_rows(p.context, behind_zeros(x, op.padding), {}, l.factor, target, op.out);
      } else {
        unshuffle_rows(p.context, x, op.padding, l.factor, target, op.out);
      }
      break;
    }
    case Op::kShuffle:
      shuffle_rows(p.context, view(Element::kF32), op.crop, l.factor, target, op.out);
      break;
    case Op::kGdn:
    case Op::kIgdn:
      gdn_rows(p.context, view(Element::kF32), op.gamma, l.op == Op::kIgdn, target, op.out);
      break;
    case Op::kRateGain:
      gain_rows(p.context, view(Element::kF32),
                gains_at(p.weights[p.ops[s].first].log_gain, l.in, input.rate), target, op.out);
      break;
    case Op::kRes:
    case Op::kCondition:
      break;
  }
}

void Network::Run::run_all() {
  for (size_t s = 0; s < plan.ops.size(); ++s) {
    const OpPlan& op = plan.ops[s];
    if (op.copy >= 0) copy_input(op);
    if (p.layer(s).op == Op::kRes) {
      run_block(s, op);
    } else if (p.layer(s).op == Op::kCondition) {
      run_condition(s, op);
    } else if (op.made >= 0) {
      Map made = make_map(op.made);
      run_op(s, op, made);
      current = std::move(made);
      owned = true;
    } else {
      run_op(s, op, output);
      return;
    }
  }
  copy_rows(p.context, current.view(Element::kF32), output, plan.out);
}

void Network::run(const Plan& plan, const Input& input, Tensor& result) {
  assert(input.x != nullptr && input.x->width == input.x_part.width &&
         input.x->height == input.x_part.height);
  result.reshape(parts_->layers.back().out, plan.out.height, plan.out.width);
  Run{*parts_, plan, input, output_of(result, plan)}.run_all();
}

Tensor Network::run(const Input& input, Size full, Rect out) {
  Tensor result;
  run(*plan(full, out), input, result);
  return result;
}

}  // namespace compass::nn
