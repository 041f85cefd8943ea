// Network's insides, which three files share: ops are made, planned and run.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "nn/conv_pass.h"
#include "nn/filter.h"
#include "nn/network.h"
#include "nn/plan_cache.h"

namespace compass::nn {

// One or two layers that run as one: a convolution takes a GDN that follows it along.
struct NetworkOp {
  size_t first = 0;  // its layers are [first, last)
  size_t last = 0;
  std::vector<ConvPass> passes;  // none, one, or kRes's two
  std::optional<Filter> gamma;   // of a GDN that follows no convolution
};

// Whether an op adds to the map before it instead of making one.
inline bool adds(Op op) {
  return op == Op::kRes || op == Op::kCondition;
}

struct Network::Parts {
  Context& context;
  Role role;
  std::span<const Layer> layers;
  std::span<const LayerWeights> weights;
  std::span<const Layer> mirror;
  Element compute = Element::kF32;
  bool exact = false;  // an integer network
  std::vector<NetworkOp> ops;
  PlanCache<std::array<int, 6>, Plan> plans;  // by full size and part

  const Layer& layer(size_t op) const { return layers[ops[op].first]; }
  bool shrinks() const { return role != Role::kSynthesis; }

  // Extents of the input of every layer and of the output, for one size of the analysis network's input.
  struct Extents {
    std::vector<int> heights, widths;
    Size at(size_t i) const { return {widths[i], heights[i]}; }
  };
  Extents extents(Size full) const;

  void build();  // the ops

  Plan make_plan(Size full, Rect out);
  // The part of every layer's input that `out` depends on; the last entry is `out`.
  std::vector<Rect> needs(const Extents& e, Rect out) const;
  Rect prediction(const Extents& e, const std::vector<Rect>& needs, Size full) const;
  double macs(const Extents& e, Rect out) const;
  // Which copies of its input an op reads, or those behind it do: as a map without part and op.
  struct Formats {
    bool f32 = false;
    bool compute = false;  // the format that convolutions multiply in
  };
  Formats formats(size_t op) const;
  PlannedMap planned_map(int channels, Rect part, Size full, Formats copies, size_t op) const;
  void plan_op(size_t op, OpPlan& plan, std::vector<PlannedMap>& maps, int& current);
  void plan_addition(size_t op, OpPlan& plan, std::vector<PlannedMap>& maps, int& current);
  void plan_conv(size_t op, bool f32, OpPlan& plan);
};

}  // namespace compass::nn
