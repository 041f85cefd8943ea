// A model's loop filter (docs/bitstream.md, section 5) in training form. Its weights, made by `compass-lab
// fit`, are constants; networks learn with the filter behind them.
#pragma once

#include <torch/torch.h>

#include <string>

namespace compass::train {

using torch::Tensor;

class LoopFilter {
 public:
  LoopFilter() = default;  // no filter: corrects nothing
  // [1+K,3,44,9]: its own weights, then K directions.
  explicit LoopFilter(const Tensor& weights);
  bool empty() const { return !weights_.defined(); }

  // What it adds to reconstructions x [B,3,H,W] by weights [B,3,44,9] of their own, taps and gates with their
  // gradients.
  Tensor correction(const Tensor& x, const Tensor& weights) const;
  // The same by the best weights for each sample: coefficients are the real numbers that bring x closest to
  // `wanted`. They are constants to gradients, since at its minimum the error does not change with them.
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

// The loop filters of a whole system; empty unless a stage names a model with filters.
struct LayerFilters {
  LoopFilter base, enhancement;

  // A model file's, of its base layer alone unless `layered`. Throws c10::Error if the file has none.
  static LayerFilters of_model(const std::string& path, bool layered, torch::Device device);
  const LoopFilter& of_layer(int64_t k) const { return k == 0 ? base : enhancement; }
};

}  // namespace compass::train
