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

// `rect` and what a kernel around its pixels reaches.
Rect reached(Rect rect, int kernel, Size full) {
  const int reach = (kernel - 1) / 2;
  const Span y = grown({rect.y, rect.y + rect.height}, reach, full.height);
  const Span x = grown({rect.x, rect.x + rect.width}, reach, full.width);
  return {x.begin, y.begin, x.end - x.begin, y.end - y.begin};
}

// Multiply-adds of a layer on a whole map.
double layer_macs(const Layer& l, double in_pixels, double out_pixels) {
  const double taps = 1.0 * l.kernel * l.kernel;
  switch (l.op) {
    case Op::kConv:
      return out_pixels * l.in * l.out * taps;
    case Op::kDeconv:
      return in_pixels * l.in * l.out * taps;
    case Op::kSubpel:
    case Op::kIntConv:
      return in_pixels * l.in * l.out * taps * l.factor * l.factor;
    case Op::kRes:
      return out_pixels * 2.0 * l.in * l.hidden * taps;
    case Op::kCondition:
      return out_pixels * l.in * l.factor * l.factor * l.out * taps;
    case Op::kGdn:
    case Op::kIgdn:
      return out_pixels * l.in * l.in;
    case Op::kRateGain:
    case Op::kUnshuffle:
    case Op::kShuffle:
      break;
  }
  return 0.0;
}

}  // namespace

std::shared_ptr<const Plan> Network::plan(Size full, Rect out) const {
  return parts_->plans.get({full.width, full.height, out.x, out.y, out.width, out.height},
                           [&] { return parts_->make_plan(full, out); });
}

std::vector<Rect> Network::Parts::needs(const Extents& e, Rect out) const {
  std::vector<Rect> parts(layers.size() + 1);
  parts.back() = out;
  const bool analysis = shrinks();
  for (size_t i = layers.size(); i-- > 0;) {
    const Rect& next = parts[i + 1];
    const Span y =
        needed_input(layers[i], analysis, e.heights[i], e.heights[i + 1], {next.y, next.y + next.height});
    const Span x =
        needed_input(layers[i], analysis, e.widths[i], e.widths[i + 1], {next.x, next.x + next.width});
    parts[i] = {x.begin, y.begin, x.end - x.begin, y.end - y.begin};
  }
  return parts;
}

Rect Network::Parts::prediction(const Extents& e, const std::vector<Rect>& needs, Size full) const {
  Rect all;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].op != Op::kCondition) continue;
    const Rect& r = needs[i + 1];
    const Span y = needed_prediction(layers[i], e.heights[i], full.height, {r.y, r.y + r.height});
    const Span x = needed_prediction(layers[i], e.widths[i], full.width, {r.x, r.x + r.width});
    all = united(all, {x.begin, y.begin, x.end - x.begin, y.end - y.begin});
  }
  return all;
}

double Network::Parts::macs(const Extents& e, Rect out) const {
  double sum = 0.0;
  for (size_t i = 0; i < layers.size(); ++i) {
    sum += layer_macs(layers[i], static_cast<double>(e.at(i).pixels()),
                      static_cast<double>(e.at(i + 1).pixels()));
  }
  return sum * static_cast<double>(out.size().pixels()) / static_cast<double>(e.at(layers.size()).pixels());
}

Network::Parts::Formats Network::Parts::formats(size_t op) const {
  if (compute == Element::kF32 || op == ops.size()) return {true, false};
  switch (layer(op).op) {
    case Op::kConv:
    case Op::kDeconv:
    case Op::kSubpel:
    case Op::kIntConv:
      return {false, true};
    case Op::kRes:
      return {true, true};
    case Op::kCondition:
      return {true, formats(op + 1).compute};
    default:
      return {true, false};
  }
}

PlannedMap Network::Parts::planned_map(int channels, Rect part, Size full, Formats copies, size_t op) const {
  const bool f32 = compute == Element::kF32;
  return {.channels = channels,
          .part = part,
          .full = full,
          .f32 = copies.f32 || f32,
          .bf16 = copies.compute && !f32,
          .first = static_cast<int>(op),
          .last = static_cast<int>(op)};
}

Plan Network::Parts::make_plan(Size full, Rect out) {
  const Extents e = extents(full);
  const std::vector<Rect> parts = needs(e, out);
  Plan plan{.full = full, .out = out, .input = parts.front(), .prediction = prediction(e, parts, full)};
  plan.macs = macs(e, out);
  int current = -1;  // the map before the op; the network's input if there is none
  for (size_t s = 0; s < ops.size(); ++s) {
    OpPlan& op = plan.ops.emplace_back(OpPlan{.in_full = e.at(ops[s].first),
                                              .out_full = e.at(ops[s].last),
                                              .in = parts[ops[s].first],
                                              .out = parts[ops[s].last]});
    if (current >= 0) plan.maps[current].last = static_cast<int>(s);
    if (adds(layer(s).op)) {
      plan_addition(s, op, plan.maps, current);
      if (layer(s).op == Op::kRes) plan.trace_bytes += plan.maps[op.inner].bytes();
    } else {
      plan_op(s, op, plan.maps, current);
    }
    for (const ConvPlan& conv : op.convs) conv.add_kernels(plan.kernels);
    if (op.gamma.filter != nullptr) plan.kernels.push_back(op.gamma);
  }
  plan.map_bytes = peak_bytes(plan.maps);
  return plan;
}

void Network::Parts::plan_addition(size_t s, OpPlan& plan, std::vector<PlannedMap>& maps, int& current) {
  const Layer& l = layer(s);
  const bool block = l.op == Op::kRes;
  const auto add = [&](int channels, Rect part, Formats copies) {
    maps.push_back(planned_map(channels, part, plan.in_full, copies, s));
    return static_cast<int>(maps.size()) - 1;
  };
  if (current < 0) current = plan.copy = add(block ? l.in : l.out, plan.in, formats(s));
  plan.inner = add(block ? l.hidden : l.in * l.factor * l.factor, reached(plan.out, l.kernel, plan.in_full),
                   {false, true});
  const PlannedMap& inner = maps[plan.inner];
  std::vector<ConvPass>& passes = ops[s].passes;
  if (block) {
    plan.convs.push_back(
        passes[0].plan(compute, {.full = inner.full, .bounds = inner.part, .f32 = inner.f32}));
  }
  plan.convs.push_back(passes.back().plan(
      compute, {.full = plan.out_full, .bounds = plan.out, .f32 = maps[current].f32, .addend = true}));
}

void Network::Parts::plan_op(size_t s, OpPlan& plan, std::vector<PlannedMap>& maps, int& current) {
  const Layer& l = layer(s);
  bool f32 = true;  // the network's output
  if (s + 1 < ops.size()) {
    maps.push_back(planned_map(l.out, plan.out, plan.out_full, formats(s + 1), s));
    f32 = maps.back().f32;
    current = plan.made = static_cast<int>(maps.size()) - 1;
  }
  switch (l.op) {
    case Op::kUnshuffle:
      plan.padding = difference(plan.in_full, times(plan.out_full, l.factor));
      break;
    case Op::kShuffle:
      plan.crop = difference(plan.out_full, times(plan.in_full, l.factor));
      break;
    case Op::kGdn:
    case Op::kIgdn: {
      Filter& gamma = *ops[s].gamma;
      plan.gamma = {&gamma, {.in = gamma.in(), .out = gamma.out(), .rows = 1, .cols = plan.out.width}};
      break;
    }
    case Op::kConv:
    case Op::kDeconv:
    case Op::kSubpel:
    case Op::kIntConv:
      plan_conv(s, f32, plan);
      break;
    case Op::kRateGain:
    case Op::kRes:
    case Op::kCondition:
      break;
  }
}

void Network::Parts::plan_conv(size_t s, bool f32, OpPlan& plan) {
  const Layer& l = layer(s);
  if (shrinks()) {
    plan.padding = difference(
        plan.in_full, {round_up(plan.in_full.width, l.align), round_up(plan.in_full.height, l.align)});
  } else {
    plan.crop = difference(plan.out_full, times(plan.in_full, l.up()));
  }
  plan.convs.push_back(ops[s].passes[0].plan(compute, {.full = plan.out_full, .bounds = plan.out, .f32 = f32},
                                             plan.padding, plan.crop));
}

}  // namespace compass::nn
