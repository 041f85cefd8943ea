// One convolution over a map: tile by tile, each tile gathered, convolved, finished and scattered by one
// worker.
//
//   gather (pad, align, concatenate) -> oneDNN convolution + bias + activation -> GDN or rounding shift
//   -> scatter (pixel shuffle, crop, add to the trunk, round)
//
// The transposed 5x5 stride-2 convolution runs as four convolutions, one per output phase, on the same tile:
// no multiplication with inserted zeros.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "nn/context.h"
#include "nn/filter.h"
#include "nn/map.h"
#include "nn/tile_io.h"

namespace compass::nn {

// What a pass is made from. Weights must outlive the pass.
struct ConvSpec {
  int in = 0;
  int out = 0;  // of the map after the pixel shuffle
  int kernel = 1;
  int stride = 1;
  int up = 1;  // pixel shuffle after the convolution
  bool transposed =
      false;  // kernel 5, stride 2, padding 2, output padding 1: weights [in,out,5,5], up counts as 2
  Act act = Act::kNone;
  const std::vector<float>* weight = nullptr;  // [out*up*up, in, kernel, kernel]
  const std::vector<float>* bias = nullptr;    // [out*up*up] or, transposed, [out]
  bool exact = false;                          // integers in f32, whatever the context's format
  bool keep_channels = false;  // the output is a tensor: its pixels are not padded to kChannelBlock
};

// GDN after the convolution: x / sqrt(beta + gamma x^2), inverse: times.
struct GdnSpec {
  const std::vector<float>* beta = nullptr;   // [C]
  const std::vector<float>* gamma = nullptr;  // [C,C]
  bool inverse = false;
};

// The integer networks' rounding shift after the convolution.
struct ShiftSpec {
  const std::vector<int32_t>* shift = nullptr;  // [out*up*up]
  int limit = 255;
};

class ConvPass {
 public:
  explicit ConvPass(const ConvSpec& spec);
  void add_gdn(const GdnSpec& gdn);
  void add_shift(const ShiftSpec& shift);

  // Computes the part `bounds` of the output (all of it must be obtainable from `inputs`), inputs being
  // concatenated by channel. `padding` goes before the input; `crop` rows and columns are dropped from the
  // (shuffled) output's start. `addend`, a view of the output's pitch, is added to the result if not
  // null (without shuffle only); it may be the output itself.
  void run(Context& context, std::span<const MapView> inputs, const Padding& padding, const Padding& crop,
           Map& out, const Rect& bounds, const MapView* addend = nullptr);
  // No padding, no crop.
  void run(Context& context, const MapView& input, Map& out, const Rect& bounds,
           const MapView* addend = nullptr) {
    run(context, {&input, 1}, {}, {}, out, bounds, addend);
  }

  int up() const { return up_; }
  int out_pitch() const { return sub_pitch_; }

 private:
  struct Phase {
    Filter filter;
    int dy = 0;
    int dx = 0;
  };
  struct Tiling;

  ConvSpec spec_;
  bool expand_ = false;  // few input channels: neighbourhoods become channels
  bool phases_apart_ = false;
  int up_ = 1;
  int tile_in_ = 0;    // channels of a gathered tile
  int sub_pitch_ = 0;  // channels of a sub-pixel in an output tile
  int kernel_ = 1;     // of the gathered tile
  std::vector<Phase> phases_;
  std::optional<Filter> gamma_;
  bool inverse_ = false;
  std::vector<int32_t> shift_;  // permuted and padded like the output channels; empty: none
  int limit_ = 0;
};

}  // namespace compass::nn
