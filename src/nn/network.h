// A list of ops, run on a context: any of g_a, g_s, h_a, h_s, and the integer scale network.
//
//   ops -> fused ops (network.cc) -> plans (network_plan.cc) -> runs (network_run.cc)
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/size.h"
#include "core/tensor.h"
#include "graph/op.h"
#include "nn/context.h"
#include "nn/map.h"
#include "nn/plan.h"

namespace compass::nn {

// What the backward pass through a network needs of the forward pass: the maps between the two convolutions
// of each residual block, in the order of the blocks.
struct SavedActivations {
  std::vector<Map> hidden;
};

class Network {
 public:
  // Analysis networks shrink maps, synthesis networks enlarge them back to their mirror's sizes. Backward
  // ones (nn/backward.h) shrink like analysis networks, but the gradient of what the forward pass cropped is
  // zero.
  enum class Role { kAnalysis, kSynthesis, kBackward };

  // `weights[i]` belongs to `ops[i]`; `mirror` is the analysis network that a synthesis network undoes
  // (for an analysis network, itself). All three must outlive the network, as must `context`.
  Network(Context& context, Role role, std::span<const Op> ops, std::span<const OpWeights> weights,
          std::span<const Op> mirror);
  ~Network();
  Network(Network&&) noexcept;

  // The plan for computing the rectangle `out` of the output; `full` is the size of the analysis network's
  // input. Recent plans are cached.
  std::shared_ptr<const Plan> plan(Size full, Rect out) const;

  struct Input {
    MapView x{};           // in f32; holds the plan's input
    MapView prediction{};  // in f32; holds the plan's prediction; may be left out if no op reads it
    float rate = 0.0F;     // position on the rate-point axis
    SavedActivations* save = nullptr;  // filled by a synthesis network's run, if wanted
    const SavedActivations* saved =
        nullptr;  // for kBackward: of a forward run whose output holds the plan's input
  };
  // Runs a plan of this network. `result` becomes [C,h,w] of the plan's `out`; its memory is used again.
  void run(const Plan& plan, const Input& input, Tensor& result);
  // The same with the plan for (full, out).
  Tensor run(const Input& input, Size full, Rect out);

  // Sizes of the network's whole input and output.
  Size input_size(Size full) const;
  Size output_size(Size full) const;
  bool reads_prediction() const;  // whether it has a kCondition op

 private:
  struct Parts;
  struct Run;
  std::unique_ptr<Parts> parts_;
};

}  // namespace compass::nn
