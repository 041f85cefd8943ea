// One convolution over a map: tile by tile, each by one worker.
//
//   gather (pad, align, concatenate) -> convolution + bias + activation -> GDN or rounding shift
//   -> scatter (pixel shuffle, crop, add to the trunk, round)
//
// In f32 tiles are read where they lie in maps with borders, and outputs that no more is done to are written
// to their map directly (nn/conv_on_maps.cc).
//
// The transposed 5x5 stride-2 convolution runs as four convolutions, one per output phase, on the same tile:
// no multiplication with inserted zeros.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "nn/context.h"
#include "nn/map.h"
#include "nn/packed_conv_weights.h"
#include "nn/tile_io.h"

namespace compass::nn {

// A pass's convolution. `weight` and `bias` must outlive the pass.
struct ConvSpec {
  int in = 0;
  int out = 0;  // of the map after the pixel shuffle
  int kernel = 1;
  int stride = 1;
  int up = 1;  // pixel shuffle after the convolution
  bool transposed =
      false;  // kernel 5, stride 2, padding 2, output padding 1: weights [in,out,5,5], up counts as 2
  Act act = Act::kNone;
  const StoredWeights* weight = nullptr;     // [out*up*up, in, kernel, kernel]
  const std::vector<float>* bias = nullptr;  // [out*up*up] or, transposed, [out]
  bool exact = false;                        // integers, computed in f32 even where the context is bf16
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

// How a pass computes a rectangle of its output: cut into tiles of equal size. It depends on sizes alone.
// Made by ConvPass::plan, for that pass.
struct ConvPlan {
  Rect bounds;                      // the rectangle
  Padding padding;                  // before the input
  Padding crop;                     // rows and columns dropped from the (shuffled) output's start
  Element compute = Element::kF32;  // of input and weights
  Element target = Element::kF32;   // of a convolution's outputs
  int row0 = 0, col0 = 0;           // first output pixel, before the shuffle
  int end_row = 0, end_col = 0;     // behind the last one; tiles may reach beyond
  int rows = 0, cols = 0;           // of an output tile
  int down = 0, across = 0;         // tiles
  int in_rows = 0, in_cols = 0;     // of an input tile

  // One convolution of every tile, and the GDN behind it if there is one.
  struct Piece {
    KernelRequest conv;
    KernelRequest gdn;
    int dy = 0, dx = 0;  // which phase of a transposed convolution
    size_t skip = 0;     // elements of the gathered tile before its first input
  };
  std::vector<Piece> pieces;
  void add_kernels(std::vector<KernelRequest>& kernels) const;
};

class ConvPass {
 public:
  explicit ConvPass(const ConvSpec& spec);
  void add_gdn(const GdnSpec& gdn);
  void add_shift(const ShiftSpec& shift);

  // What the pass writes: the rectangle `bounds` of a map of size `full`.
  struct Output {
    Size full;
    Rect bounds;
    bool f32 = true;      // the map has a copy in f32
    bool addend = false;  // run() is given something to add
  };
  // `compute` is the context's format; exact passes compute in f32 all the same.
  ConvPlan plan(Element compute, const Output& out, const Padding& padding = {}, const Padding& crop = {});

  // Writes the planned rectangle of `out` from `inputs`, which are concatenated by channel and must hold its
  // footprint. `addend`, if not null, is a view with the output's pitch that is added to the result (without
  // a pixel shuffle only); it may be a view of the output itself.
  void run(Context& context, const ConvPlan& plan, std::span<const MapView> inputs, Map& out,
           const MapView* addend = nullptr);
  void run(Context& context, const ConvPlan& plan, const MapView& input, Map& out,
           const MapView* addend = nullptr) {
    run(context, plan, {&input, 1}, out, addend);
  }

 private:
  struct Phase {
    PaddedConvWeights weights;
    int dy = 0;
    int dx = 0;
  };
  struct ReadyPiece;
  // What the tiles of one run share.
  struct Run;

  ConvPlan::Piece plan_piece(const ConvPlan& plan, Phase& phase, bool direct);
  // The inputs of tile (row0, col0), gathered and expanded, in the worker's memory.
  const std::byte* gather_tile(const Run& run, int row0, int col0, Workspace& ws) const;
  void run_piece(const Run& run, const ReadyPiece& ready, const std::byte* source, const Placement& place,
                 int worker) const;
  // The same for a tile whose inputs can be read where they lie; false, and nothing is done, if they cannot.
  bool run_on_maps(const Run& run, const ReadyPiece& ready, int row0, int col0, int worker) const;
  // Finishes a convolution's outputs `x`, [rows, cols, channels], and scatters them.
  void place_tile(const Run& run, const ReadyPiece& ready, float* x, int rows, int cols,
                  const Placement& place, int worker) const;
  // GDN, or the rounding shift, on a convolution's outputs `x`, [pixels, channels].
  void finish(const Run& run, const ReadyPiece& ready, float* x, size_t pixels, int worker) const;

  ConvSpec spec_;
  bool expand_ = false;  // few input channels: neighbourhoods become channels
  bool phases_apart_ = false;
  int up_ = 1;
  int tile_in_ = 0;    // channels of a gathered tile
  int sub_pitch_ = 0;  // channels of a sub-pixel in an output tile
  int kernel_ = 1;     // of the gathered tile
  std::vector<Phase> phases_;
  std::optional<PaddedConvWeights> gamma_;
  bool inverse_ = false;
  std::vector<int32_t> shift_;  // permuted and padded like the output channels; empty: none
  int limit_ = 0;
};

}  // namespace compass::nn
