#include "networks/liff_features.h"

#include "core/size.h"
#include "nn/footprint.h"

namespace compass {
namespace {

using nn::ConvPass;
using nn::Element;
using nn::Map;
using nn::MapView;

ConvPass make_pass(const ConvWeights& w, nn::Act act = nn::Act::kNone) {
  return ConvPass(
      {.in = w.in, .out = w.out, .kernel = w.kernel, .act = act, .weight = &w.weight, .bias = &w.bias});
}

double macs(const ConvWeights& w) {
  return 1.0 * w.in * w.out * w.kernel * w.kernel;
}

}  // namespace

LiffFeatures::LiffFeatures(const LiffDescription& liff, const LiffWeights& w, nn::Context& context)
    : context_(context),
      g0_(liff.g0),
      blocks_(liff.blocks),
      convs_(liff.convs),
      growth_(liff.growth),
      sfe1_(make_pass(w.sfe1)),
      sfe2_(make_pass(w.sfe2)),
      gff1_(make_pass(w.gff1)),
      gff2_(make_pass(w.gff2)) {
  macs_ = macs(w.sfe1) + macs(w.sfe2) + macs(w.gff1) + macs(w.gff2);
  for (int b = 0; b < blocks_; ++b) {
    block_convs_.emplace_back();
    for (const ConvWeights& conv : w.block_convs[b]) {
      block_convs_.back().push_back(make_pass(conv, nn::Act::kRelu));
      macs_ += macs(conv);
    }
    fuse_.push_back(make_pass(w.block_fuse[b]));
    macs_ += macs(w.block_fuse[b]);
  }
}

Rect LiffFeatures::reached(Size full, Rect out, int convs) const {
  for (int i = 0; i < convs; ++i) out = nn::convolved(out, 3, full, context_.reach());
  return out;
}

LiffFeaturesPlan LiffFeatures::plan(Size full, Rect out) {
  LiffFeaturesPlan plan;
  int margin = depth() - 1;  // 3x3 convolutions between the map being planned and the features
  const bool f32 = context_.compute() == Element::kF32;
  const auto add = [&](ConvPass& pass, int channels, std::vector<int> inputs, int addend = -1) {
    const int conv = static_cast<int>(plan.convs.size());
    const Rect part = reached(full, out, margin);
    for (const int input : inputs) {
      if (input >= 0) plan.maps[input].last = conv;
    }
    if (addend >= 0) plan.maps[addend].last = conv;
    plan.convs.push_back({&pass, pass.plan(context_.compute(), {full, part, f32, addend >= 0}),
                          std::move(inputs), conv, addend});
    plan.maps.push_back({channels, part, full, f32, !f32, conv, conv, f32 ? nn::kMapBorder : 0});
    return conv;  // each makes one map
  };
  const int f1 = add(sfe1_, g0_, {-1});
  --margin;
  int state = add(sfe2_, g0_, {f1});
  std::vector<int> states;  // x_1, x_2, ...
  for (int b = 0; b < blocks_; ++b) {
    std::vector<int> inputs{state};
    for (ConvPass& conv : block_convs_[b]) {
      --margin;
      inputs.push_back(add(conv, growth_, inputs));
    }
    state = add(fuse_[b], g0_, inputs, state);
    states.push_back(state);
  }
  const int fused = add(gff1_, g0_, states);
  margin = 0;
  add(gff2_, g0_, {fused}, f1);
  return plan;
}

Map LiffFeatures::run(const LiffFeaturesPlan& plan, const MapView& below) {
  const Element compute = context_.compute();
  std::vector<Map> maps(plan.maps.size());
  for (size_t s = 0; s < plan.convs.size(); ++s) {
    const LiffFeaturesPlan::Conv& conv = plan.convs[s];
    std::vector<MapView> inputs;
    for (const int input : conv.inputs) inputs.push_back(input < 0 ? below : maps[input].view(compute));
    Map& output = maps[conv.output] = nn::make_map(context_.buffers(), plan.maps[conv.output]);
    const MapView addend = conv.addend < 0 ? MapView{} : maps[conv.addend].view(compute);
    conv.pass->run(context_, conv.plan, inputs, output, conv.addend < 0 ? nullptr : &addend);
    for (size_t m = 0; m < s; ++m) {
      if (plan.maps[m].last == static_cast<int>(s)) maps[m] = {};
    }
  }
  return std::move(maps.back());
}

}  // namespace compass
