// LIFF, the local implicit filter function: predicts a picture of any larger size from the layer below.
//
// A residual dense network makes features of the picture below, once per source pixel. For every target pixel
// an MLP turns the 3x3 features around its nearest source pixel, its offset from that pixel and the scale
// into a filter over those features; features times filter is the pixel. The MLP's first layer and the
// product of its last layer with the features depend, up to three small terms, on the source pixel alone and
// are computed there, as 3x3 convolutions: the same result for a third of the work (docs/model_format.md,
// "LIFF").
#pragma once

#include <memory>

#include "core/size.h"
#include "core/tensor.h"
#include "model_file/model.h"
#include "nn/context.h"

namespace compass {

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
  // layer 1's size whatever the layer.
  Tensor predict(const Tensor& below, Size target, Size token_target);
  Tensor predict(const Tensor& below, Size target) { return predict(below, target, target); }

  // The target pixels of rectangle `out`. `below` holds footprint(below_size, target, out) of the picture
  // below.
  struct Geometry {
    Size below;
    Size target;
    Size token_target;
  };
  Tensor predict(const Tensor& below, const Geometry& geometry, Rect out);
  // The same into rectangle `out` of `target`, which holds the target's pixels of rectangle `target_part`.
  void predict(const Tensor& below, const Geometry& geometry, Rect out, Rect target_part, Tensor& target);
  Rect footprint(const Geometry& geometry, Rect out) const;

  // Inside nn::Context::prepare: notes what predict(.., geometry, out) will need.
  void prepare(const Geometry& geometry, Rect out);

  // Multiply-adds of the feature network and of the filter MLP, as executed.
  struct Cost {
    double features = 0, filters = 0;
  };
  Cost cost(Size below, Size target) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace compass
