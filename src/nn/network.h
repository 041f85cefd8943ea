// A list of layers, run on a context: any of g_a, g_s, h_a, h_s, and the integer scale network.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/size.h"
#include "core/tensor.h"
#include "graph/layer.h"
#include "nn/context.h"
#include "nn/map.h"

namespace compass::nn {

// What the way back through a network must know of the way there: the maps between the two convolutions of
// each residual block, in the order in which they were made.
struct Trace {
  std::vector<Map> hidden;
};

class Network {
 public:
  // Analysis networks shrink maps, synthesis networks enlarge them back to their mirror's sizes. Adjoint ones
  // (nn/adjoint.h) shrink like analysis networks, but what was cropped on the way there counts as zero.
  enum class Role { kAnalysis, kSynthesis, kAdjoint };

  // `weights[i]` belongs to `layers[i]`; `mirror` is the analysis network that a synthesis network undoes
  // (for an analysis network, itself). All three must outlive the network, as must `context`.
  Network(Context& context, Role role, std::span<const Layer> layers, std::span<const LayerWeights> weights,
          std::span<const Layer> mirror);
  ~Network();
  Network(Network&&) noexcept;

  // All rectangles are parts of maps of the whole; `full` is the size of the analysis network's input.
  struct Input {
    const Tensor* x = nullptr;  // the part x_part of the input
    Rect x_part{};              // contains footprint(full, out)
    const Tensor* prediction =
        nullptr;             // the part prediction_part of the picture; null if no layer looks at it
    Rect prediction_part{};  // contains prediction_footprint(full, out)
    float rate = 0.0F;       // position on the rate-point axis
    Trace* trace = nullptr;  // filled by a synthesis network's run, if wanted
    const Trace* passed =
        nullptr;  // an adjoint network's: from a run that made at least footprint(full, out)
  };
  // The part `out` of the network's output.
  Tensor run(const Input& input, Size full, Rect out);
  // The same into `result`, whose memory is used again.
  void run(const Input& input, Size full, Rect out, Tensor& result);

  // Inside Context::prepare: notes what run(.., full, out) will need.
  void prepare(Size full, Rect out);

  // The part of the network's input that `out` depends on, halo included.
  Rect footprint(Size full, Rect out) const;
  // The part of the prediction, a picture of size `full`; empty if no layer looks at it.
  Rect prediction_footprint(Size full, Rect out) const;

  Size input_size(Size full) const;
  Size output_size(Size full) const;
  bool sees_prediction() const;

  // Bytes that the maps of a run hold at most, about: three of the largest ones.
  double map_bytes(Size full, Rect out) const;

  // Multiply-adds for the part `out` of the output, as the layers describe them (no padding, no halo).
  double macs(Rect out, Size full) const;

 private:
  void run_into(const Input& input, Size full, Rect out, Tensor& result);

  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace compass::nn
