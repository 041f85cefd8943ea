// LIFF, the local implicit filter function, in training form (COMPASS, section 3.2; docs/model_format.md).
//
// A residual dense network makes features of the picture below. For every target pixel an MLP turns the 3x3
// features around its nearest source pixel, its offset from it and the scale into pixel weights over those
// features. As in the runtime, what depends on the source pixel alone is computed once per source pixel:
//
//   first layer's part of the features:   3x3 convolution (or 1x1: `unfold`), g0 -> hidden
//   last layer times the features:        3x3 convolution (or 1x1), g0 -> 3 * hidden + 3
//   per target pixel:                     gather, hidden layers, a dot product of length `hidden` per colour
//
// LIIF in its place (Chen et al., 2021) has the same features. Its last layer makes colours, and it answers
// four times for each pixel, for the source pixels half a source pixel each way.
#pragma once

#include "model_file/description.h"
#include "model_file/liff_grid.h"
#include "networks.h"

namespace compass::train {

// Source pixel of each of n target pixels over m source pixels, and the offset of its centre in units of half
// a source pixel, as model_file/liff_grid.h has them.
struct Nearest {
  std::vector<int64_t> index;
  std::vector<float> offset;
};
Nearest nearest(NearestRule rule, int64_t source, int64_t target, GridShift shift = GridShift::kNone);

struct LiffImpl : torch::nn::Module {
  LiffImpl(const LiffDescription& description, NearestRule rule);

  // below [B,3,h,w] float -> [B,3,H,W] float, without the bicubic part. The scale token is 2h/H', 2w/W' of
  // `token_target`, H' x W': `target` or what the model's rule says.
  Tensor forward(const Tensor& below, MapSize target, MapSize token_target, at::ScalarType dtype);
  // The same by its definition, all of the MLP for every target pixel: slow, for tests.
  Tensor plain(const Tensor& below, MapSize target, MapSize token_target);

  Tensor features(const Tensor& x);  // [B,3,h,w] -> [B,g0,h,w]

  // The MLP for the source pixels y, x of target pixels: [B,H,W,outputs].
  Tensor answers(const Tensor& around, const Nearest& y, const Nearest& x, double token_y, double token_x);

  LiffKind kind;
  int64_t unfolded() const { return g0 * side * side; }

  int64_t g0 = 0;
  int64_t side = 3;  // the MLP sees side x side features around a source pixel
  NearestRule rule;
  Conv sfe1{nullptr}, sfe2{nullptr}, gff1{nullptr}, gff2{nullptr};
  struct Block {
    std::vector<Conv> convs;
    Conv fuse{nullptr};
  };
  std::vector<Block> blocks;
  std::vector<torch::nn::Linear> mlp;
};
TORCH_MODULE(Liff);

// relu(source[b, iy[y], ix[x]] + row[y] + column[x]): source [B,h,w,C], row [H,C] and column [W,C] float ->
// [B,H,W,C] of source's type, float or bf16.
Tensor gather_add_relu(const Tensor& source, const Tensor& row, const Tensor& column, const Nearest& y,
                       const Nearest& x);

// source[b, iy, ix, 3C + o] + sum_j hidden[b,y,x,j] * source[b, iy, ix, o*C + j]: source [B,h,w,3C+3],
// hidden [B,H,W,C] of the same type -> [B,H,W,3] float.
Tensor gather_dot(const Tensor& source, const Tensor& hidden, const Nearest& y, const Nearest& x);

}  // namespace compass::train
