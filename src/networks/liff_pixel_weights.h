// LIFF's second half, factored. Per target pixel p with source pixel s, q being the 3x3 features around s (or
// those at s alone, by the model's `unfold`; a 3x3 convolution is then a 1x1 one):
//
//   h_0 = relu(B(s) + Wr (r_y, r_x))     B = W0's q part as a convolution, plus bias and scale token
//   h_i = relu(W_i h_{i-1} + b_i)
//   out_c = A_c(s) . h_last + a_c(s)     A_c = the last layer times q, again a convolution,
//                                        g0 -> 3*hidden + 3
//
// B and A are computed for a small tile of source pixels at a time and used at once for all target pixels of
// the tile. So they never exist for a whole picture, and the 27*g0 pixel weights of a target pixel never
// exist at all.
//
// LIIF has no A: its last layer gives colours. But it runs the MLP four times for each target pixel, for the
// source pixels that networks/liif_corners.h names, and blends what comes out. A tile's targets are those
// whose first source pixel lies in it, and B reaches as far beyond it as the last one may lie.
#pragma once

#include <vector>

#include "model_file/liff_grid.h"
#include "model_file/model.h"
#include "nn/context.h"
#include "nn/kernels.h"
#include "nn/map.h"
#include "nn/packed_conv_weights.h"

namespace compass {

// How the source pixels of a grid are cut into tiles, and the kernels of each: a function of sizes alone.
struct LiffPixelWeightsPlan {
  int source_y = 0, source_x = 0;  // the first tile's first pixel
  int tile_rows = 0, tile_cols = 0;
  int held_rows = 0, held_cols = 0;  // of B; more than a tile for LIIF
  int down = 0, across = 0;
  int end_y = 0, end_x = 0;                    // behind the last one's last pixel
  nn::KernelRequest base, tail;                // B and A; in f32 `base` is both, and `tail` is none
  std::vector<nn::KernelRequest> batch, rest;  // the middle layers, for many targets at a time and for few
  void add_kernels(std::vector<nn::KernelRequest>& kernels) const;
};

class LiffPixelWeights {
 public:
  LiffPixelWeights(const LiffDescription& liff, const LiffWeights& weights, nn::Context& context);

  // The source pixels of a grid of target pixels. LIIF has two for each row and column.
  struct Sources {
    const GridAxis& rows;  // of LIIF those before the target
    const GridAxis& cols;
    const GridAxis& rows_after;  // empty of LIFF
    const GridAxis& cols_after;
  };
  // For features of a picture of size `full`.
  LiffPixelWeightsPlan plan(Size full, const Sources& sources);

  // The planned grid again, and the MLP's other inputs.
  struct Targets {
    Sources sources;
    float token_y = 0.0F, token_x = 0.0F;  // scale token
  };
  // Writes the pixel of row i, column j of the planned grid to out[i * stride + 3 * j ...]. `features` holds
  // the source pixels of all targets and their neighbours in q, clipped to the picture.
  void run(const LiffPixelWeightsPlan& plan, const nn::MapView& features, const Targets& targets, float* out,
           size_t stride);

  double macs_per_source() const { return source_macs_; }
  double macs_per_target() const { return target_macs_; }

 private:
  // Target pixels go through the MLP's middle layers kBatch at a time, the last ones kRest at a time.
  static constexpr int kBatch = 512;
  static constexpr int kRest = 128;

  // liff_pixel_weights.cc: weights as kernels want them.
  void read_head(const ConvWeights& head);
  void make_source_convs(const LiffWeights& weights);
  void make_colours(const ConvWeights& last);

  // liff_pixel_weights_run.cc. What the tiles of one run share, and what is computed once for a tile's source
  // pixels.
  struct Run;
  struct Tile;
  void run_tile(const Run& run, int i, int worker) const;
  void run_targets(const Run& run, const Tile& tile, Rect targets) const;
  void run_corners(const Run& run, const Tile& tile, Rect targets) const;
  Tile make_tile(const Run& run, int y, int x, int worker) const;
  const float* make_both(const Run& run, int y, int x, nn::Workspace& workspace) const;
  // The MLP from `base` on, for `count` targets of the tile, a batch or fewer.
  void finish(const Run& run, const Tile& tile, const nn::LiffTarget* targets, int count) const;
  void finish(const Tile& tile, const nn::LiffTarget* targets, int count,
              const std::vector<nn::ReadyConv>& middle) const;

  nn::Context& context_;
  LiffKind kind_;
  int g0_ = 0;
  int side_ = 0;    // of q
  int first_ = 0;   // width of h_0, padded
  int last_ = 0;    // width of h_last, padded
  int widest_ = 0;  // of all h_i
  double source_macs_ = 0.0;
  double target_macs_ = 0.0;
  std::vector<float> bias_, token_y_, token_x_;     // of the first layer, [first_]
  std::vector<float> offset_y_, offset_x_;          // Wr's columns, [first_]
  int tail_outputs_ = 0;                            // 3 * last_ + 3, padded
  std::vector<nn::PaddedConvWeights> base_, tail_;  // one entry each: B and A; or both in base_
  std::vector<nn::PaddedConvWeights> middle_;
  // LIIF's last layer in the place of A, the same for all source pixels; in the context's format.
  AlignedVector<float> colours_;
  AlignedVector<nn::BFloat16> colours_bf16_;
};

// Multiply-adds of the MLP for a target pixel as its authors write it: all of it for every pixel, or for each
// of its four corners.
double liff_macs_as_written(const LiffDescription& liff);

}  // namespace compass
