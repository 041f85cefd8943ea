// What computes a convolution of a tile: our own code in f32 (nn/float_conv.h), a library in bf16
// (nn/bf16/backend.h).
#pragma once

#include <compare>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "graph/op.h"
#include "nn/element.h"
#include "nn/workspace.h"

namespace compass::nn {

// No kernel's vectors have more floats: channel counts inside tiles are multiples of it, so that every kernel
// runs without a tail, and none falls back to oneDNN's reference code.
inline constexpr int kChannelBlock = 16;
inline int pad_channels(int channels) {
  return (channels + kChannelBlock - 1) / kChannelBlock * kChannelBlock;
}

// One convolution: an input tile [in, (rows-1)*stride + kernel_h, (cols-1)*stride + kernel_w] to an
// output tile [out, rows, cols], channels last, densely packed, with bias and activation.
struct ConvShape {
  int in = 0;  // multiples of kChannelBlock
  int out = 0;
  int kernel_h = 1;
  int kernel_w = 1;
  int stride = 1;
  int rows = 0;
  int cols = 0;
  Element source = Element::kF32;  // of input and weights
  Element target = Element::kF32;
  Act act = Act::kNone;
  bool direct = false;  // never by Winograd's algorithm: sums of integers, or a map of few pixels
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 of a comparison for a pointer.
  auto operator<=>(const ConvShape&) const = default;

  int in_rows() const { return (rows - 1) * stride + kernel_h; }
  int in_cols() const { return (cols - 1) * stride + kernel_w; }
  // Multiplications of the direct convolution; Winograd's algorithm (nn/winograd.h) takes fewer.
  double macs() const { return 1.0 * in * out * kernel_h * kernel_w * rows * cols; }
};

// Conv weights and bias in the memory order that a kernel reads. Read-only once made.
class PackedConvWeights {
 public:
  virtual ~PackedConvWeights() = default;
};

class ConvKernel {
 public:
  ConvKernel(const ConvShape& shape, std::string implementation)
      : shape_(shape), implementation_(std::move(implementation)) {}
  virtual ~ConvKernel() = default;
  const ConvShape& shape() const { return shape_; }
  // "winograd", "panels", or a library's name for it.
  const std::string& implementation() const { return implementation_; }
  // Bytes that the slot kScratch of a workspace must have before run().
  virtual size_t scratch_bytes() const { return 0; }

  // Runs on worker `worker`'s thread, with its workspace. source holds shape().in * in_rows * in_cols
  // elements, target the output's. 64-byte alignment of both is not required.
  virtual void run(Workspace& workspace, int worker, const void* source, const PackedConvWeights& weights,
                   void* target) const = 0;

  // Weights [out][in][kernel_h][kernel_w] and bias [out], which must outlive the result, in this kernel's
  // order. Runs like run().
  virtual std::unique_ptr<PackedConvWeights> pack(const float* weights, const float* bias,
                                                  Workspace& workspace, int worker) const = 0;
  // Whether they have this kernel's order.
  virtual bool reads(const PackedConvWeights& weights) const = 0;

 private:
  ConvShape shape_;
  std::string implementation_;
};

}  // namespace compass::nn
