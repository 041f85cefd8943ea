// Network's insides, which three files share: fused ops are made, planned and run.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "nn/conv_pass.h"
#include "nn/footprint.h"
#include "nn/network.h"
#include "nn/packed_conv_weights.h"
#include "nn/plan_cache.h"

namespace compass::nn {

// One or two ops that run as one: a convolution, and a GDN that follows it.
struct FusedOp {
  size_t first = 0;  // its ops are [first, last)
  size_t last = 0;
  std::vector<ConvPass> passes;            // none, one, or the two of kRes
  std::optional<PaddedConvWeights> gamma;  // of a GDN that follows no convolution
};

// Whether an op adds to the map before it instead of making one.
inline bool adds(OpKind kind) {
  return kind == OpKind::kRes || kind == OpKind::kCondition;
}

struct Network::Parts {
  Context& context;
  Role role;
  std::span<const Op> ops;
  std::span<const OpWeights> weights;
  std::span<const Op> mirror;
  Element compute = Element::kF32;
  bool exact = false;  // an integer network
  std::vector<FusedOp> fused;
  PlanCache<std::array<int, 7>, Plan> plans;  // by full size, part and reach

  const Op& first_op(size_t f) const { return ops[fused[f].first]; }
  bool shrinks() const { return role != Role::kSynthesis; }
  Reach reach() const { return context.reach(); }
  // Samples of the analysis network's input that one sample of op i's input stands for, a side.
  int stride(size_t i) const;

  // Extents of the input of every op and of the output, for one size of the analysis network's input.
  struct Extents {
    std::vector<int> heights, widths;
    Size at(size_t i) const { return {widths[i], heights[i]}; }
  };
  Extents extents(Size full) const;

  void build();  // the fused ops

  Plan make_plan(Size full, Rect out);
  // The part of every op's input that `out` depends on; the last entry is `out`.
  std::vector<Rect> footprints(const Extents& e, Rect out) const;
  Rect prediction_part(const Extents& e, const std::vector<Rect>& footprints, Size full) const;
  double macs(const Extents& e, Rect out) const;
  // Which copies of its input a fused op reads, or ops behind it that read the same map.
  struct Formats {
    bool f32 = false;
    bool compute = false;  // the format that convolutions multiply in
  };
  Formats formats(size_t f) const;
  PlannedMap planned_map(int channels, Rect part, Size full, Formats copies, size_t f) const;
  void plan_op(size_t f, OpPlan& plan, std::vector<PlannedMap>& maps, int& current);
  void plan_addition(size_t f, OpPlan& plan, std::vector<PlannedMap>& maps, int& current);
  void plan_conv(size_t f, bool f32, OpPlan& plan);
};

}  // namespace compass::nn
