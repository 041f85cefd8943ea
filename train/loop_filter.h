// A model's loop filter as training sees it: docs/bitstream.md, section 5. Its weights are constants here,
// found by `compass-lab fit`; networks learn in front of it.
#pragma once

#include <torch/torch.h>

#include <string>

namespace compass::train {

using torch::Tensor;

class LoopFilter {
 public:
  LoopFilter() = default;  // none: corrects nothing
  // [1+K,3,44,9]: its own weights, then K directions.
  explicit LoopFilter(const Tensor& weights);
  bool empty() const { return !weights_.defined(); }

  // What it adds to reconstructions x [B,3,H,W] by weights [B,3,44,9] of their own, taps and gates with their
  // gradients.
  Tensor correction(const Tensor& x, const Tensor& weights) const;
  // The same by the weights that best coefficients lead to: real numbers, one set a sample, which bring rows
  // of x closest to `wanted`. They have no gradient: where coefficients are best, the error does not change
  // with them.
  Tensor best_correction(const Tensor& x, const Tensor& wanted) const;

 private:
  // The filter's inputs: pictures with their edges repeated, and gates [B,9,H,W].
  struct Inputs {
    Tensor padded, gates;
  };
  static Inputs inputs_of(const Tensor& x);
  Tensor correction(const Inputs& inputs, const Tensor& weights) const;
  Tensor best_weights(const Inputs& inputs, const Tensor& missing) const;

  Tensor weights_;  // [1+K,3,44,9]
  Tensor kernels_;  // [44,3,5,5]: each tap as a kernel; that of the constant is zero
};

// Those of a whole system; none unless a stage names a model's.
struct LayerFilters {
  LoopFilter base, enhancement;

  // A model file's, of its base layer alone unless `layered`. Throws c10::Error if the file has none.
  static LayerFilters of_model(const std::string& path, bool layered, torch::Device device);
  const LoopFilter& of_layer(int64_t k) const { return k == 0 ? base : enhancement; }
};

}  // namespace compass::train
