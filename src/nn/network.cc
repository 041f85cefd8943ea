#include "nn/network.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <optional>
#include <utility>

#include "graph/geometry.h"
#include "nn/conv_pass.h"
#include "nn/footprint.h"
#include "nn/kernels.h"
#include "nn/map.h"
#include "nn/row_pass.h"

namespace compass::nn {
namespace {

// Which copies of a map the steps after it read.
struct Wanted {
  bool f32 = false;
  bool compute = false;  // the format that convolutions multiply in
};

// One or two layers that run as one: a convolution takes a GDN that follows it along.
struct Step {
  Op op = Op::kConv;
  size_t first = 0;  // its layers are [first, last)
  size_t last = 0;
  std::vector<ConvPass> passes;  // none, one, or kRes's two
  int channels = 0;              // of its output
};

Padding start_padding(int height_from, int width_from, int height_to, int width_to) {
  return {height_to - height_from, width_to - width_from};
}

// `x` as a part of the padded map, in which the padding is what is not there: zeros.
MapView behind_zeros(MapView x, const Padding& padding) {
  x.part.y += padding.top;
  x.part.x += padding.left;
  x.full.height += padding.top;
  x.full.width += padding.left;
  return x;
}

}  // namespace

struct Network::Parts {
  Context& context;
  Role role;
  std::span<const Layer> layers;
  std::span<const LayerWeights> weights;
  std::span<const Layer> mirror;
  std::vector<Step> steps;
  bool exact = false;  // an integer network
  Element compute = Element::kF32;

  // Extents of the input of every layer and of the output, for one size of the analysis network's input.
  struct Extents {
    std::vector<int> heights, widths;
    Size at(size_t i) const { return {widths[i], heights[i]}; }
  };

  bool shrinks() const { return role != Role::kSynthesis; }

  Extents extents(Size full) const {
    if (shrinks()) return {analysis_extents(layers, full.height), analysis_extents(layers, full.width)};
    return {synthesis_extents(mirror, layers, full.height), synthesis_extents(mirror, layers, full.width)};
  }

  // The part of every layer's input that `out` depends on; the last entry is `out`.
  std::vector<Rect> needs(const Extents& e, Rect out) const {
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

  Wanted wanted(size_t step) const {
    if (compute == Element::kF32) return {true, false};
    if (step == steps.size()) return {true, false};
    switch (steps[step].op) {
      case Op::kConv:
      case Op::kDeconv:
      case Op::kSubpel:
      case Op::kIntConv:
        return {false, true};
      case Op::kRes:
        return {true, true};
      case Op::kCondition: {
        const Wanted after = wanted(step + 1);
        return {true, after.compute};
      }
      default:
        return {true, false};
    }
  }

  Map make_map(int channels, Rect part, Size full, Wanted copies) const {
    const bool f32 = compute == Element::kF32;
    return nn::make_map(context.buffers(), channels, part, full, copies.f32 || f32, copies.compute && !f32);
  }

  void build();
  void add_conv(size_t i);
};

void Network::Parts::add_conv(size_t i) {
  const Layer& l = layers[i];
  const LayerWeights& w = weights[i];
  const bool last = i + 1 == layers.size();
  Step step{.op = l.op, .first = i, .last = i + 1, .passes = {}, .channels = l.out};
  const bool gdn = !last && (layers[i + 1].op == Op::kGdn || layers[i + 1].op == Op::kIgdn);
  ConvSpec spec{.in = l.in,
                .out = l.out,
                .kernel = l.kernel,
                .stride = l.op == Op::kConv ? l.stride : 1,
                .up = l.op == Op::kSubpel || l.op == Op::kIntConv ? l.factor : 1,
                .transposed = l.op == Op::kDeconv,
                .act = l.act,
                .weight = &w.weight,
                .bias = &w.bias,
                .exact = exact,
                .keep_channels = last};
  step.passes.emplace_back(spec);
  if (gdn) {
    step.passes.back().add_gdn({&weights[i + 1].beta, &weights[i + 1].gamma, layers[i + 1].op == Op::kIgdn});
    step.last = i + 2;
  }
  if (l.op == Op::kIntConv) step.passes.back().add_shift({&w.int_shift, l.limit});
  steps.push_back(std::move(step));
}

void Network::Parts::build() {
  for (size_t i = 0; i < layers.size(); i = steps.back().last) {
    const Layer& l = layers[i];
    const LayerWeights& w = weights[i];
    switch (l.op) {
      case Op::kConv:
      case Op::kDeconv:
      case Op::kSubpel:
      case Op::kIntConv:
        add_conv(i);
        continue;
      case Op::kRes: {
        Step step{.op = l.op, .first = i, .last = i + 1, .passes = {}, .channels = l.out};
        step.passes.emplace_back(ConvSpec{.in = l.in,
                                          .out = l.hidden,
                                          .kernel = l.kernel,
                                          .act = role == Role::kAdjoint ? Act::kNone : l.act,
                                          .weight = &w.weight,
                                          .bias = &w.bias});
        step.passes.emplace_back(ConvSpec{
            .in = l.hidden, .out = l.out, .kernel = l.kernel, .weight = &w.weight2, .bias = &w.bias2});
        steps.push_back(std::move(step));
        continue;
      }
      case Op::kCondition: {
        Step step{.op = l.op, .first = i, .last = i + 1, .passes = {}, .channels = l.out};
        step.passes.emplace_back(ConvSpec{.in = l.in * l.factor * l.factor,
                                          .out = l.out,
                                          .kernel = l.kernel,
                                          .weight = &w.weight,
                                          .bias = &w.bias});
        steps.push_back(std::move(step));
        continue;
      }
      case Op::kUnshuffle:
      case Op::kShuffle:
      case Op::kGdn:
      case Op::kIgdn:
      case Op::kRateGain:
        steps.push_back(Step{.op = l.op, .first = i, .last = i + 1, .passes = {}, .channels = l.out});
        continue;
    }
  }
}

Network::Network(Context& context, Role role, std::span<const Layer> layers,
                 std::span<const LayerWeights> weights, std::span<const Layer> mirror)
    : parts_(new Parts{context, role, layers, weights, mirror, {}}) {
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

Rect Network::footprint(Size full, Rect out) const {
  return parts_->needs(parts_->extents(full), out).front();
}

Rect Network::prediction_footprint(Size full, Rect out) const {
  const Parts::Extents e = parts_->extents(full);
  const std::vector<Rect> needs = parts_->needs(e, out);
  Span ys{full.height, 0};
  Span xs{full.width, 0};
  for (size_t i = 0; i < parts_->layers.size(); ++i) {
    const Layer& layer = parts_->layers[i];
    if (layer.op != Op::kCondition) continue;
    const Rect& r = needs[i + 1];
    const Span y = needed_prediction(layer, e.heights[i], full.height, {r.y, r.y + r.height});
    const Span x = needed_prediction(layer, e.widths[i], full.width, {r.x, r.x + r.width});
    ys = {std::min(ys.begin, y.begin), std::max(ys.end, y.end)};
    xs = {std::min(xs.begin, x.begin), std::max(xs.end, x.end)};
  }
  return ys.end == 0 ? Rect{} : Rect{xs.begin, ys.begin, xs.end - xs.begin, ys.end - ys.begin};
}

double Network::macs(Rect out, Size full) const {
  const Parts::Extents e = parts_->extents(full);
  double sum = 0.0;
  for (size_t i = 0; i < parts_->layers.size(); ++i) {
    const Layer& l = parts_->layers[i];
    const double in_pixels = static_cast<double>(e.at(i).pixels());
    const double out_pixels = static_cast<double>(e.at(i + 1).pixels());
    const double taps = 1.0 * l.kernel * l.kernel;
    switch (l.op) {
      case Op::kConv:
        sum += out_pixels * l.in * l.out * taps;
        break;
      case Op::kDeconv:
        sum += in_pixels * l.in * l.out * taps;
        break;
      case Op::kSubpel:
      case Op::kIntConv:
        sum += in_pixels * l.in * l.out * taps * l.factor * l.factor;
        break;
      case Op::kRes:
        sum += out_pixels * 2.0 * l.in * l.hidden * taps;
        break;
      case Op::kCondition:
        sum += out_pixels * l.in * l.factor * l.factor * l.out * taps;
        break;
      case Op::kGdn:
      case Op::kIgdn:
        sum += out_pixels * l.in * l.in;
        break;
      case Op::kRateGain:
      case Op::kUnshuffle:
      case Op::kShuffle:
        break;
    }
  }
  return sum * static_cast<double>(out.size().pixels()) /
         static_cast<double>(e.at(parts_->layers.size()).pixels());
}

Tensor Network::run(const Input& input, Size full, Rect out) {
  Tensor result;
  run(input, full, out, result);
  return result;
}

void Network::run(const Input& input, Size full, Rect out, Tensor& result) {
  assert(input.x != nullptr && input.x->width == input.x_part.width &&
         input.x->height == input.x_part.height);
  result.reshape(parts_->layers.back().out, out.height, out.width);
  run_into(input, full, out, result);
}

double Network::map_bytes(Size full, Rect out) const {
  const std::vector<Rect> needs = parts_->needs(parts_->extents(full), out);
  const bool f32 = parts_->compute == Element::kF32;
  double most = 0.0;
  for (size_t i = 0; i < parts_->layers.size(); ++i) {
    const Layer& l = parts_->layers[i];
    const double in = 1.0 * needs[i].width * needs[i].height;
    const double result = 1.0 * needs[i + 1].width * needs[i + 1].height;
    // Residual blocks keep their trunk in f32 beside what they multiply.
    const double element = f32 ? 4.0 : 2.0;
    const double here = l.op == Op::kRes
                            ? in * (l.in * (f32 ? 4.0 : 6.0) + pad_channels(l.hidden) * element)
                            : in * pad_channels(l.in) * element + result * pad_channels(l.out) * element;
    most = std::max(most, here);
  }
  return most;
}

void Network::prepare(Size full, Rect out) {
  assert(parts_->context.noting());
  const Tensor nothing;  // passes look at shapes alone
  Tensor result;
  result.channels = parts_->layers.back().out;
  result.data.resize(1);  // the output is f32
  run_into({.x = &nothing, .x_part = footprint(full, out), .prediction = &nothing, .prediction_part = {}},
           full, out, result);
}

void Network::run_into(const Input& input, Size full, Rect out, Tensor& result) {
  Parts& p = *parts_;
  const Parts::Extents e = p.extents(full);
  const std::vector<Rect> needs = p.needs(e, out);

  Map output;
  output.channels = output.pitch = result.channels;
  output.part = out;
  output.full = e.at(p.layers.size());
  output.f32 = result.data.data();

  Map current;  // invalid until the first step that makes a map
  bool owned = false;
  const MapView first = view_of(*input.x, input.x_part, e.at(0));
  const auto view = [&](Element element) { return owned ? current.view(element) : first; };
  const bool analysis = p.shrinks();
  size_t blocks = 0;  // residual blocks run

  for (size_t s = 0; s < p.steps.size(); ++s) {
    Step& step = p.steps[s];
    const Layer& layer = p.layers[step.first];
    const size_t after = step.last;  // index of the map behind this step
    const bool last = s + 1 == p.steps.size();
    const Size in_size = e.at(step.first);
    const Size out_size = e.at(after);
    const Rect& bounds = needs[after];

    if (step.op == Op::kRes || step.op == Op::kCondition) {
      if (!owned) {
        current =
            p.make_map(layer.op == Op::kRes ? layer.in : layer.out, needs[step.first], in_size, p.wanted(s));
        copy_rows(p.context, first, current, current.part);
        owned = true;
      }
      if (step.op == Op::kRes) {
        const Span ys = grown({bounds.y, bounds.y + bounds.height}, (layer.kernel - 1) / 2, in_size.height);
        const Span xs = grown({bounds.x, bounds.x + bounds.width}, (layer.kernel - 1) / 2, in_size.width);
        const Rect part{xs.begin, ys.begin, xs.end - xs.begin, ys.end - ys.begin};
        Map hidden = p.make_map(layer.hidden, part, in_size, {false, true});
        const MapView trunk = current.view(Element::kF32);
        step.passes[0].run(p.context, current.view(p.compute), hidden, part);
        ++blocks;
        if (input.passed != nullptr) {
          const Map& there = input.passed->hidden[input.passed->hidden.size() - blocks];
          slope_rows(p.context, there.view(p.compute), layer.act, hidden, part);
        }
        step.passes[1].run(p.context, hidden.view(p.compute), current, bounds, &trunk);
        if (input.trace != nullptr) input.trace->hidden.push_back(std::move(hidden));
      } else {
        assert(input.prediction != nullptr);
        const Span ys = grown({bounds.y, bounds.y + bounds.height}, (layer.kernel - 1) / 2, in_size.height);
        const Span xs = grown({bounds.x, bounds.x + bounds.width}, (layer.kernel - 1) / 2, in_size.width);
        const Rect part{xs.begin, ys.begin, xs.end - xs.begin, ys.end - ys.begin};
        const int channels = layer.in * layer.factor * layer.factor;
        Map unshuffled = p.make_map(channels, part, in_size, {false, true});
        const MapView prediction = view_of(*input.prediction, input.prediction_part, full);
        const Padding padding = start_padding(full.height, full.width, layer.factor * in_size.height,
                                              layer.factor * in_size.width);
        unshuffle_rows(p.context, prediction, padding, layer.factor, unshuffled, part);
        const MapView trunk = current.view(Element::kF32);
        step.passes[0].run(p.context, unshuffled.view(p.compute), current, bounds, &trunk);
      }
      continue;
    }

    Map made;
    if (!last) made = p.make_map(step.channels, bounds, out_size, p.wanted(s + 1));
    Map& target = last ? output : made;
    switch (step.op) {
      case Op::kConv:
      case Op::kDeconv:
      case Op::kSubpel:
      case Op::kIntConv: {
        Padding padding;
        Padding crop;
        if (analysis) {
          padding = start_padding(in_size.height, in_size.width, round_up(in_size.height, layer.align),
                                  round_up(in_size.width, layer.align));
        } else {
          crop = start_padding(out_size.height, out_size.width, layer.up() * in_size.height,
                               layer.up() * in_size.width);
        }
        const MapView x = view(p.compute);
        step.passes[0].run(p.context, {&x, 1}, padding, crop, target, bounds);
        break;
      }
      case Op::kUnshuffle: {
        Padding padding = start_padding(in_size.height, in_size.width, layer.factor * out_size.height,
                                        layer.factor * out_size.width);
        MapView x = view(Element::kF32);
        if (p.role == Role::kAdjoint) x = behind_zeros(x, std::exchange(padding, {}));
        unshuffle_rows(p.context, x, padding, layer.factor, target, bounds);
        break;
      }
      case Op::kShuffle: {
        const Padding crop = start_padding(out_size.height, out_size.width, layer.factor * in_size.height,
                                           layer.factor * in_size.width);
        shuffle_rows(p.context, view(Element::kF32), crop, layer.factor, target, bounds);
        break;
      }
      case Op::kGdn:
      case Op::kIgdn:
        gdn_rows(p.context, view(Element::kF32), p.weights[step.first], step.op == Op::kIgdn, target, bounds);
        break;
      case Op::kRateGain:
        gain_rows(p.context, view(Element::kF32),
                  gains_at(p.weights[step.first].log_gain, layer.in, input.rate), target, bounds);
        break;
      case Op::kRes:
      case Op::kCondition:
        break;
    }
    if (!last) {
      current = std::move(made);
      owned = true;
    }
  }
  if (p.steps.back().op == Op::kRes || p.steps.back().op == Op::kCondition) {
    copy_rows(p.context, current.view(Element::kF32), output, out);
  }
}

}  // namespace compass::nn
