// How a network's plans are made: which part of every map an output depends on, and what each op does to it.
#include <algorithm>

#include "graph/geometry.h"
#include "nn/footprint.h"
#include "nn/network_parts.h"

namespace compass::nn {
namespace {

Padding difference(Size from, Size to) {
  return {to.height - from.height, to.width - from.width};
}
Size times(Size size, int factor) {
  return {factor * size.width, factor * size.height};
}

// Multiply-adds of an op on a whole map.
double op_macs(const Op& op, double in_pixels, double out_pixels) {
  const double taps = 1.0 * op.kernel * op.kernel;
  switch (op.kind) {
    case OpKind::kConv:
      return out_pixels * op.in * op.out * taps;
    case OpKind::kDeconv:
      return in_pixels * op.in * op.out * taps;
    case OpKind::kSubpel:
    case OpKind::kIntConv:
      return in_pixels * op.in * op.out * taps * op.factor * op.factor;
    case OpKind::kRes:
      return out_pixels * 2.0 * op.in * op.hidden * taps;
    case OpKind::kCondition:
      return out_pixels * op.in * op.factor * op.factor * op.out * taps;
    case OpKind::kGdn:
    case OpKind::kIgdn:
      return out_pixels * op.in * op.in;
    case OpKind::kRateGain:
    case OpKind::kUnshuffle:
    case OpKind::kShuffle:
      break;
  }
  return 0.0;
}

}  // namespace

std::shared_ptr<const Plan> Network::plan(Size full, Rect out) const {
  const int reach = static_cast<int>(parts_->reach());
  return parts_->plans.get({full.width, full.height, out.x, out.y, out.width, out.height, reach},
                           [&] { return parts_->make_plan(full, out); });
}

std::vector<Rect> Network::Parts::footprints(const Extents& e, Rect out) const {
  std::vector<Rect> parts(ops.size() + 1);
  parts.back() = out;
  const bool analysis = shrinks();
  for (size_t i = ops.size(); i-- > 0;) {
    const Rect& next = parts[i + 1];
    const Span y = input_footprint(ops[i], analysis, e.heights[i], e.heights[i + 1],
                                   {next.y, next.y + next.height}, reach());
    const Span x = input_footprint(ops[i], analysis, e.widths[i], e.widths[i + 1],
                                   {next.x, next.x + next.width}, reach());
    parts[i] = {x.begin, y.begin, x.end - x.begin, y.end - y.begin};
  }
  return parts;
}

Rect Network::Parts::prediction_part(const Extents& e, const std::vector<Rect>& footprints, Size full) const {
  Rect all;
  for (size_t i = 0; i < ops.size(); ++i) {
    if (ops[i].kind != OpKind::kCondition) continue;
    const Rect& r = footprints[i + 1];
    const Span y = prediction_footprint(ops[i], e.heights[i], full.height, {r.y, r.y + r.height}, reach());
    const Span x = prediction_footprint(ops[i], e.widths[i], full.width, {r.x, r.x + r.width}, reach());
    all = united(all, {x.begin, y.begin, x.end - x.begin, y.end - y.begin});
  }
  return all;
}

double Network::Parts::macs(const Extents& e, Rect out) const {
  double sum = 0.0;
  for (size_t i = 0; i < ops.size(); ++i) {
    sum += op_macs(ops[i], static_cast<double>(e.at(i).pixels()), static_cast<double>(e.at(i + 1).pixels()));
  }
  return sum * static_cast<double>(out.size().pixels()) / static_cast<double>(e.at(ops.size()).pixels());
}

Network::Parts::Formats Network::Parts::formats(size_t f) const {
  if (compute == Element::kF32 || f == fused.size()) return {true, false};
  switch (first_op(f).kind) {
    case OpKind::kConv:
    case OpKind::kDeconv:
    case OpKind::kSubpel:
    case OpKind::kIntConv:
      return {false, true};
    case OpKind::kRes:
      return {true, true};
    case OpKind::kCondition:
      return {true, formats(f + 1).compute};
    default:
      return {true, false};
  }
}

PlannedMap Network::Parts::planned_map(int channels, Rect part, Size full, Formats copies, size_t f) const {
  const bool f32 = compute == Element::kF32;
  return {.channels = channels,
          .part = part,
          .full = full,
          .f32 = copies.f32 || f32,
          .bf16 = copies.compute && !f32,
          .first = static_cast<int>(f),
          .last = static_cast<int>(f),
          .border = f32 ? kMapBorder : 0};
}

Plan Network::Parts::make_plan(Size full, Rect out) {
  const Extents e = extents(full);
  const std::vector<Rect> parts = footprints(e, out);
  Plan plan{.full = full, .out = out, .input = parts.front(), .prediction = prediction_part(e, parts, full)};
  plan.macs = macs(e, out);
  int current = -1;  // the map before the op; the network's input if there is none
  for (size_t f = 0; f < fused.size(); ++f) {
    OpPlan& planned = plan.ops.emplace_back(OpPlan{.in_full = e.at(fused[f].first),
                                                   .out_full = e.at(fused[f].last),
                                                   .in = parts[fused[f].first],
                                                   .out = parts[fused[f].last]});
    if (current >= 0) plan.maps[current].last = static_cast<int>(f);
    if (adds(first_op(f).kind)) {
      plan_addition(f, planned, plan.maps, current);
      if (first_op(f).kind == OpKind::kRes) plan.saved_bytes += plan.maps[planned.inner].bytes();
    } else {
      plan_op(f, planned, plan.maps, current);
    }
    for (const ConvPlan& conv : planned.convs) conv.add_kernels(plan.kernels);
    if (planned.gamma.weights != nullptr) plan.kernels.push_back(planned.gamma);
  }
  plan.map_bytes = peak_bytes(plan.maps);
  return plan;
}

void Network::Parts::plan_addition(size_t f, OpPlan& plan, std::vector<PlannedMap>& maps, int& current) {
  const Op& op = first_op(f);
  const bool block = op.kind == OpKind::kRes;
  const auto add = [&](int channels, Rect part, Formats copies) {
    maps.push_back(planned_map(channels, part, plan.in_full, copies, f));
    return static_cast<int>(maps.size()) - 1;
  };
  if (current < 0) current = plan.copy = add(block ? op.in : op.out, plan.in, formats(f));
  plan.inner = add(block ? op.hidden : op.in * op.factor * op.factor,
                   convolved(plan.out, op.kernel, plan.in_full, reach()), {false, true});
  const PlannedMap& inner = maps[plan.inner];
  std::vector<ConvPass>& passes = fused[f].passes;
  if (block) {
    plan.convs.push_back(
        passes[0].plan(compute, {.full = inner.full, .bounds = inner.part, .f32 = inner.f32}));
  }
  plan.convs.push_back(passes.back().plan(
      compute, {.full = plan.out_full, .bounds = plan.out, .f32 = maps[current].f32, .addend = true}));
}

void Network::Parts::plan_op(size_t f, OpPlan& plan, std::vector<PlannedMap>& maps, int& current) {
  const Op& op = first_op(f);
  bool f32 = true;  // the network's output
  if (f + 1 < fused.size()) {
    maps.push_back(planned_map(op.out, plan.out, plan.out_full, formats(f + 1), f));
    f32 = maps.back().f32;
    current = plan.made = static_cast<int>(maps.size()) - 1;
  }
  switch (op.kind) {
    case OpKind::kUnshuffle:
      plan.padding = difference(plan.in_full, times(plan.out_full, op.factor));
      break;
    case OpKind::kShuffle:
      plan.crop = difference(plan.out_full, times(plan.in_full, op.factor));
      break;
    case OpKind::kGdn:
    case OpKind::kIgdn: {
      PaddedConvWeights& gamma = *fused[f].gamma;
      plan.gamma = {&gamma, {.in = gamma.in(), .out = gamma.out(), .rows = 1, .cols = plan.out.width}};
      break;
    }
    case OpKind::kConv:
    case OpKind::kDeconv:
    case OpKind::kSubpel:
    case OpKind::kIntConv:
      plan_conv(f, f32, plan);
      break;
    case OpKind::kRateGain:
    case OpKind::kRes:
    case OpKind::kCondition:
      break;
  }
}

void Network::Parts::plan_conv(size_t f, bool f32, OpPlan& plan) {
  const Op& op = first_op(f);
  if (shrinks()) {
    plan.padding = difference(
        plan.in_full, {round_up(plan.in_full.width, op.align), round_up(plan.in_full.height, op.align)});
  } else {
    plan.crop = difference(plan.out_full, times(plan.in_full, op.up()));
  }
  plan.convs.push_back(fused[f].passes[0].plan(
      compute, {.full = plan.out_full, .bounds = plan.out, .f32 = f32}, plan.padding, plan.crop));
}

}  // namespace compass::nn
