#include "networks/liff_features.h"

#include "core/size.h"

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

Map LiffFeatures::make_map(int channels, Rect part, Size full) {
  return nn::make_map(context_.buffers(), channels, part, full, context_.compute() == Element::kF32,
                      context_.compute() == Element::kBF16);
}

Map LiffFeatures::run(const MapView& below, Rect out) {
  const Element compute = context_.compute();
  const Size full = below.full;
  int reach = halo() - 1;  // of the map being made, around `out`
  const auto part = [&] { return grown(out, reach, full); };

  Map f1 = make_map(g0_, part(), full);
  sfe1_.run(context_, below, f1, f1.part);
  --reach;
  std::vector<Map> states;  // x_0, x_1, ...
  states.push_back(make_map(g0_, part(), full));
  sfe2_.run(context_, f1.view(compute), states.back(), states.back().part);
  for (int b = 0; b < blocks_; ++b) {
    std::vector<MapView> inputs{states.back().view(compute)};
    std::vector<Map> grown_maps;
    for (ConvPass& conv : block_convs_[b]) {
      --reach;
      grown_maps.push_back(make_map(growth_, part(), full));
      conv.run(context_, inputs, {}, {}, grown_maps.back(), grown_maps.back().part);
      inputs.push_back(grown_maps.back().view(compute));
    }
    Map next = make_map(g0_, part(), full);
    const MapView skip = states.back().view(compute);
    fuse_[b].run(context_, inputs, {}, {}, next, next.part, &skip);
    if (b == 0) states.clear();  // x_0 is no input of gff1
    states.push_back(std::move(next));
  }
  std::vector<MapView> inputs;
  for (const Map& state : states) inputs.push_back(state.view(compute));
  Map fused = make_map(g0_, part(), full);
  gff1_.run(context_, inputs, {}, {}, fused, fused.part);
  states.clear();
  Map features = make_map(g0_, out, full);
  const MapView skip = f1.view(compute);
  gff2_.run(context_, fused.view(compute), features, out, &skip);
  return features;
}

}  // namespace compass
