// A convolution's parameters, brought into the order that a compiled kernel reads.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "nn/context.h"

namespace compass::nn {

// Weights in oneDNN's memory, read-only once made.
class PackedConvWeights {
 public:
  ~PackedConvWeights();

 private:
  friend class ConvKernel;
  friend class PaddedConvWeights;
  struct Parts;
  PackedConvWeights();
  std::unique_ptr<Parts> parts_;
};

class PaddedConvWeights {
 public:
  // `weights` writes [out][in][kernel_h][kernel_w] floats, in and out being padded counts; it is called again
  // whenever a kernel wants a new order, and what it reads must live as long as this object. `bias` has `out`
  // entries.
  PaddedConvWeights(int in, int out, int kernel_h, int kernel_w, std::function<void(float*)> weights,
                    std::vector<float> bias);
  ~PaddedConvWeights();
  PaddedConvWeights(PaddedConvWeights&&) noexcept;
  PaddedConvWeights& operator=(PaddedConvWeights&&) noexcept;

  int in() const { return in_; }
  int out() const { return out_; }
  int kernel_h() const { return kernel_h_; }
  int kernel_w() const { return kernel_w_; }

  // The bias, padded. May be changed between runs.
  std::span<float> bias() { return bias_; }

 private:
  friend class Context;
  // Packed for this kernel, by `worker`; packs on first use. No two threads may do this to one object.
  const PackedConvWeights& packed(Context& context, const ConvKernel& kernel, int worker);

  int in_;
  int out_;
  int kernel_h_;
  int kernel_w_;
  std::function<void(float*)> weights_;
  std::vector<float> bias_;
  std::vector<std::unique_ptr<PackedConvWeights>> packed_;  // one per memory order seen, rarely more than one
};

// From weights [out,in,kh,kw] in C order that `weight` points to, padded with zeros.
PaddedConvWeights pad_conv_weights(const float* weight, const std::vector<float>& bias, int in, int out,
                                   int kernel_h, int kernel_w);

}  // namespace compass::nn
