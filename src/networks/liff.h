// LIFF, the local implicit filter function: predicts a picture of any larger size from the layer below.
//
// A residual dense network makes features of the picture below, once per source pixel. For every target pixel
// an MLP turns the 3x3 features around its nearest source pixel, its offset from that pixel and the scale
// into the pixel's weights over those features; features times pixel weights is the pixel. The MLP's first
// layer and the product of its last layer with the features depend, up to three small terms, on the source
// pixel alone and are computed there, as 3x3 convolutions: the same result for a third of the work
// (docs/model_format.md, "LIFF"). LIIF, which the paper compares it with, has the same features and runs
// here, too.
#pragma once

#include <memory>

#include "core/size.h"
#include "core/tensor.h"
#include "model_file/liff_grid.h"
#include "model_file/model.h"
#include "networks/liff_features.h"
#include "networks/liff_pixel_weights.h"
#include "nn/context.h"

namespace compass {

struct LiffPlan;

class Liff {
 public:
  // Only for models with Model::layered(). `context` must outlive this object.
  Liff(std::shared_ptr<const Model> model, nn::Context& context);
  ~Liff();

  // Whether the model adds the bicubic up-sampling to what predict returns (`residual: bicubic`). The caller
  // does it: bicubic up-sampling belongs to src/image.
  bool adds_bicubic() const;

  // below [3,h,w] -> [3,H,W]; target at least as large as below on each axis. The scale token is 2h/H', 2w/W'
  // of `token_target` (W', H'): the target itself or, if the model's rule is ScaleToken::kFirst, enhancement
  // layer 1's size for every layer.
  Tensor predict(const Tensor& below, Size target, Size token_target);
  Tensor predict(const Tensor& below, Size target) { return predict(below, target, target); }

  // The target pixels of rectangle `out`. `below` holds footprint(geometry, out) of the picture below.
  struct Geometry {
    Size below;
    Size target;
    Size token_target;
  };
  Tensor predict(const Tensor& below, const Geometry& geometry, Rect out);
  Rect footprint(const Geometry& geometry, Rect out) const;

  // The plan for predicting rectangle `out`. Recent plans are cached.
  std::shared_ptr<const LiffPlan> plan(const Geometry& geometry, Rect out) const;
  // Writes the planned pixels to `target` [3,h,w], which holds rectangle `target_part` of the target. `below`
  // [3,h,w] is exactly the plan's `below`.
  void predict(const LiffPlan& plan, const Tensor& below, Rect target_part, Tensor& target);

  // Multiply-adds of the feature network and of the MLP, as executed.
  struct Cost {
    double features = 0, mlp = 0;
  };
  Cost cost(Size below, Size target) const;
  // The same without factoring: the whole MLP for every target pixel, for LIIF four times.
  Cost cost_as_written(Size below, Size target) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// What predicting one rectangle takes. It follows from sizes alone.
struct LiffPlan {
  Rect out;
  float token_y = 0.0F, token_x = 0.0F;  // scale token
  GridAxis rows, cols;                   // the nearest source pixels of the target's rows and columns
  GridAxis rows_after, cols_after;       // of LIIF; those above are then the ones before the target
  Rect features;                         // these pixels and their neighbours: what pixel weights multiply
  Rect below;                            // the features' footprint in the picture below
  Size below_full;
  LiffFeaturesPlan making_features;
  // The target rows whose features a stripe of these completes, from row `first` of `out` on. May be none.
  struct Stripe {
    int first = 0;
    GridAxis rows;
    LiffPixelWeightsPlan pixel_weights;
  };
  std::vector<Stripe> stripes;
  std::vector<nn::KernelRequest> kernels;
  void add_kernels(std::vector<nn::KernelRequest>& list) const {
    list.insert(list.end(), kernels.begin(), kernels.end());
  }
  size_t map_bytes = 0;  // the most bytes of maps at a time
  // LIIF has one stripe.
  LiffPixelWeights::Sources sources(const Stripe& stripe) const {
    return {stripe.rows, cols, rows_after, cols_after};
  }
};

}  // namespace compass
