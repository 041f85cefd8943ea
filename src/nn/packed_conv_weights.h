// Conv weights with padded channels, and in the memory orders that kernels read.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "graph/stored_weights.h"
#include "nn/context.h"

namespace compass::nn {

// A convolution's weights and bias with channel counts padded to kChannelBlock, and what has been packed of
// them.
class PaddedConvWeights {
 public:
  // `weights` writes [out][in][kernel_h][kernel_w] floats, in and out being padded counts. It is called again
  // for every new order, and what it reads must outlive this object. `bias` has `out` entries.
  PaddedConvWeights(int in, int out, int kernel_h, int kernel_w, std::function<void(float*)> weights,
                    std::vector<float> bias);
  ~PaddedConvWeights();
  PaddedConvWeights(PaddedConvWeights&&) noexcept;
  PaddedConvWeights& operator=(PaddedConvWeights&&) noexcept;

  int in() const { return in_; }
  int out() const { return out_; }
  int kernel_h() const { return kernel_h_; }
  int kernel_w() const { return kernel_w_; }

  // The bias, [out]. May be changed between runs.
  std::span<float> bias() { return bias_; }

 private:
  friend class Context;
  // The weights in this kernel's order, packed on first use in `worker`'s workspace. No two threads may call
  // this for one object at a time.
  const PackedConvWeights& packed(Context& context, const ConvKernel& kernel, int worker);

  int in_;
  int out_;
  int kernel_h_;
  int kernel_w_;
  std::function<void(float*)> weights_;
  std::vector<float> bias_;
  std::vector<std::unique_ptr<PackedConvWeights>> packed_;  // one per memory order seen, rarely more than one
};

// Weights [out,in,kernel_h,kernel_w] in C order and bias [out], padded with zeros.
PaddedConvWeights pad_conv_weights(const StoredWeights& weight, const std::vector<float>& bias, int in,
                                   int out, int kernel_h, int kernel_w);

}  // namespace compass::nn
