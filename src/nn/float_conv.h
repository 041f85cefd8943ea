// Convolutions in f32: 3x3 ones by Winograd's algorithm (nn/winograd.h), others, and those of few pixels or
// of integers, as they are written. Either way they are products of small matrices (nn/panel_product.h), and
// can read maps where they lie and write to where outputs belong.
#pragma once

#include <span>

#include "core/size.h"
#include "nn/arithmetic.h"
#include "nn/conv_kernel.h"
#include "nn/winograd.h"

namespace compass::nn {

// Whether Winograd's algorithm is used. It follows from the shape, not from the processor.
bool takes_winograd(const ConvShape& shape);

class FloatConv final : public ConvKernel {
 public:
  // `shape` as takes_winograd() says.
  FloatConv(const ConvShape& shape, Arithmetic arithmetic);

  void run(Workspace& workspace, int worker, const void* source, const PackedConvWeights& weights,
           void* target) const override;
  std::unique_ptr<PackedConvWeights> pack(const float* weights, const float* bias, Workspace& workspace,
                                          int worker) const override;
  bool reads(const PackedConvWeights& weights) const override;

  // Pixels of one of the maps whose channels the convolution reads one after the other. Channels are
  // multiples of kChannelBlock.
  struct Input {
    PixelGrid<const float> pixels;  // from the first output's footprint on
    size_t channels = 0;
  };
  // Where outputs go. Those outside `clip`, counted from the first output, are not written.
  struct Output {
    PixelGrid<float> pixels;
    Rect clip;
    PixelGrid<const float> addend{};  // added to the outputs; may be `pixels`; no data: nothing is
  };
  // rows x cols outputs, instead of the shape's; multiples of 4 for Winograd's algorithm.
  void convolve(Workspace& workspace, std::span<const Input> inputs, int rows, int cols,
                const PackedConvWeights& weights, const Output& output) const;

 private:
  struct Tile;
  void by_winograd(Workspace& workspace, const Tile& tile) const;
  void directly(const Tile& tile) const;
  bool pixels_in_a_row(const Tile& tile) const;

  Arithmetic arithmetic_;
  float slope_;
};

}  // namespace compass::nn
