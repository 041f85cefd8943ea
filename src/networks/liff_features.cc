#include "networks/liff_features.h"

#include <algorithm>

#include "core/size.h"
#include "graph/geometry.h"
#include "graph/winograd_points.h"
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

// Rows of features that a stripe adds for each thread: few enough for its maps to stay in a cache. More would
// take more memory, fewer more time: between stripes one thread moves the rows that are kept, and the others
// wait.
constexpr int kStripeRows = 16;
constexpr int kMostThreads = 4;  // that stripes grow for
// Stripes begin at whole blocks of Winograd's algorithm, for the reason that nn/conv_pass.cc gives.
constexpr int kBlock = nn::kWinogradBlock;

int end_of(const Rect& part) {
  return part.y + part.height;
}

// Calls visit(map, kernel) for every map that the convolution reads; the picture below is none.
template <typename Visit>
void for_each_input(const LiffFeaturesPlan::Conv& conv, const Visit& visit) {
  for (const int input : conv.inputs) {
    if (input >= 0) visit(static_cast<size_t>(input), conv.kernel);
  }
  if (conv.addend >= 0) visit(static_cast<size_t>(conv.addend), 1);
}

// Behind the last row of every map that features up to row `end` need.
std::vector<int> ends_for(const LiffFeaturesPlan& plan, int end) {
  std::vector<int> ends(plan.maps.size(), 0);
  ends.back() = end;
  for (size_t s = plan.convs.size(); s-- > 0;) {
    const bool all = ends[s] == end_of(plan.maps[s].part);
    for_each_input(plan.convs[s], [&](size_t input, int kernel) {
      const int most = end_of(plan.maps[input].part);
      const int need = all ? most : std::min(nn::round_up(ends[s] + kernel / 2, kBlock), most);
      ends[input] = std::max(ends[input], need);
    });
  }
  return ends;
}

// The rows of one stripe, of convolutions that have made the rows up to `done` before.
std::vector<LiffFeaturesPlan::Rows> stripe_rows(const LiffFeaturesPlan& plan, const std::vector<int>& done,
                                                const std::vector<int>& ends, int sources) {
  std::vector<LiffFeaturesPlan::Rows> rows(plan.maps.size());
  for (size_t s = 0; s < rows.size(); ++s) {
    rows[s].first = rows[s].end = ends[s];
    rows[s].conv.bounds = {0, done[s], 0, ends[s] - done[s]};
    for_each_input(plan.convs[s], [&](size_t input, int kernel) {
      rows[input].first = std::min(rows[input].first, done[s] - kernel / 2);
    });
  }
  rows.back().first = std::min(rows.back().first, sources - 1);  // of 3x3 features
  for (size_t s = 0; s < rows.size(); ++s) {
    rows[s].first = std::max(std::min(rows[s].first, done[s]), plan.maps[s].part.y);
  }
  return rows;
}

// Fills in the stripes, all but their convolutions' plans: of these only the rows. `wanted`: rows of a
// stripe; 0 for all.
void cut_to_stripes(LiffFeaturesPlan& plan, Size full, int wanted) {
  const Rect& features = plan.maps.back().part;
  std::vector<int> done;
  for (const nn::PlannedMap& map : plan.maps) done.push_back(map.part.y);
  int sources = features.y;
  while (done.back() < end_of(features)) {
    // A rest of less than half a stripe is no stripe of its own.
    const int next = nn::round_up(done.back() + wanted, kBlock);
    const bool last = wanted == 0 || next + wanted / 2 >= end_of(features);
    const std::vector<int> ends = ends_for(plan, last ? end_of(features) : next);
    plan.stripes.push_back(stripe_rows(plan, done, ends, sources));
    sources = last ? full.height : next - kBlock;
    plan.sources.push_back(sources);
    done = ends;
  }
}

// In several stripes a map is kept throughout, with room for the most rows.
void hold_stripes(LiffFeaturesPlan& plan, size_t m) {
  nn::PlannedMap& map = plan.maps[m];
  map.part.height = 0;
  for (const auto& stripe : plan.stripes) {
    map.part.height = std::max(map.part.height, stripe[m].end - stripe[m].first);
  }
  map.first = 0;
  map.last = static_cast<int>(plan.convs.size());
}

double macs(const ConvWeights& w) {
  return 1.0 * w.in * w.out * w.kernel * w.kernel;
}

}  // namespace

LiffFeatures::LiffFeatures(const LiffDescription& liff, const LiffWeights& w, nn::Context& context)
    : context_(context),
      in_stripes_(liff.kind == LiffKind::kLiff),
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

LiffFeaturesPlan LiffFeatures::describe(Size full, Rect out) {
  LiffFeaturesPlan plan;
  int margin = depth() - 1;  // 3x3 convolutions between the map being planned and the features
  const bool f32 = context_.compute() == Element::kF32;
  const auto add = [&](ConvPass& pass, int kernel, int channels, std::vector<int> inputs, int addend = -1) {
    const int conv = static_cast<int>(plan.convs.size());
    const Rect part = reached(full, out, margin);
    for (const int input : inputs) {
      if (input >= 0) plan.maps[input].last = conv;
    }
    if (addend >= 0) plan.maps[addend].last = conv;
    plan.convs.push_back({&pass, kernel, std::move(inputs), addend});
    plan.maps.push_back({channels, part, full, f32, !f32, conv, conv, f32 ? nn::kMapBorder : 0});
    return conv;  // each makes one map
  };
  const int f1 = add(sfe1_, 3, g0_, {-1});
  --margin;
  int state = add(sfe2_, 3, g0_, {f1});
  std::vector<int> states;  // x_1, x_2, ...
  for (int b = 0; b < blocks_; ++b) {
    std::vector<int> inputs{state};
    for (ConvPass& conv : block_convs_[b]) {
      --margin;
      inputs.push_back(add(conv, 3, growth_, inputs));
    }
    state = add(fuse_[b], 1, g0_, inputs, state);
    states.push_back(state);
  }
  const int fused = add(gff1_, 1, g0_, states);
  margin = 0;
  add(gff2_, 3, g0_, {fused}, f1);
  return plan;
}

LiffFeaturesPlan LiffFeatures::plan(Size full, Rect out) {
  LiffFeaturesPlan plan = describe(full, out);
  const bool in_stripes = in_stripes_ && context_.compute() == Element::kF32;
  cut_to_stripes(plan, full,
                 in_stripes ? kStripeRows * std::min(context_.pool().threads(), kMostThreads) : 0);
  for (std::vector<LiffFeaturesPlan::Rows>& stripe : plan.stripes) {
    for (size_t s = 0; s < stripe.size(); ++s) {
      const nn::PlannedMap& map = plan.maps[s];
      const Rect part{map.part.x, stripe[s].conv.bounds.y, map.part.width, stripe[s].conv.bounds.height};
      stripe[s].conv =
          plan.convs[s].pass->plan(context_.compute(), {full, part, map.f32, plan.convs[s].addend >= 0});
    }
  }
  if (plan.stripes.size() == 1) return plan;
  for (size_t m = 0; m < plan.maps.size(); ++m) hold_stripes(plan, m);
  return plan;
}

LiffFeatures::Stripes::Stripes(nn::Context& context, const LiffFeaturesPlan& plan, const MapView& below)
    : context_(context), plan_(plan), below_(below), maps_(plan.maps.size()) {}

MapView LiffFeatures::Stripes::next() {
  const std::vector<LiffFeaturesPlan::Rows>& stripe = plan_.stripes[stripe_];
  const bool whole = plan_.stripes.size() == 1;
  for (int s = 0; s < static_cast<int>(stripe.size()); ++s) {
    run(s, stripe[s]);
    for (int m = 0; whole && m < s; ++m) {
      if (plan_.maps[m].last == s) maps_[m] = {};
    }
  }
  ++stripe_;
  return maps_.back().view(context_.compute());
}

void LiffFeatures::Stripes::run(int s, const LiffFeaturesPlan::Rows& rows) {
  const Element compute = context_.compute();
  const LiffFeaturesPlan::Conv& conv = plan_.convs[s];
  Map& output = maps_[s];
  if (stripe_ == 0) output = nn::make_map(context_.buffers(), plan_.maps[s]);
  if (plan_.stripes.size() > 1) {
    if (stripe_ == 0) output.part.height = 0;  // no rows yet
    // Stripes are whole blocks with all rows that these read, so that borders between stripes are not read.
    nn::slide_rows(
        output, rows.first, rows.end,
        {.top = rows.first == plan_.maps[s].part.y, .bottom = rows.end == plan_.stripes.back()[s].end});
  }
  if (rows.conv.bounds.height == 0) return;
  std::vector<MapView> inputs;
  for (const int input : conv.inputs) inputs.push_back(input < 0 ? below_ : maps_[input].view(compute));
  const MapView addend = conv.addend < 0 ? MapView{} : maps_[conv.addend].view(compute);
  conv.pass->run(context_, rows.conv, inputs, output, conv.addend < 0 ? nullptr : &addend);
}

}  // namespace compass
