// LIFF's first half: the residual dense network (Zhang et al., CVPR 2018, configuration "D" in the paper)
// that makes features of the picture below.
//
//   f1 = sfe1(x)     x_0 = sfe2(f1)
//   x_{b+1} = fuse_b([x_b, c_1, ..., c_n]) + x_b     with c_i = relu(conv_i([x_b, c_1, ..., c_{i-1}]))
//   features = gff2(gff1([x_1, ..., x_B])) + f1
#pragma once

#include <vector>

#include "model_file/model.h"
#include "nn/context.h"
#include "nn/conv_pass.h"
#include "nn/map.h"
#include "nn/plan.h"

namespace compass {

struct LiffFeaturesPlan {
  // A convolution of the network, with indexes of `maps`.
  struct Conv {
    nn::ConvPass* pass = nullptr;
    nn::ConvPlan plan;
    std::vector<int> inputs;  // concatenated; -1 is the picture below
    int output = 0;
    int addend = -1;  // added to the output; -1: none
  };
  std::vector<Conv> convs;
  std::vector<nn::PlannedMap> maps;  // the last one is the features
};

class LiffFeatures {
 public:
  // Description and weights must outlive this object.
  LiffFeatures(const LiffDescription& liff, const LiffWeights& weights, nn::Context& context);

  // The source pixels that the features of rectangle `out` depend on.
  Rect footprint(Size full, Rect out) const { return reached(full, out, depth()); }

  // The plan for the features of rectangle `out` of a picture of size `full`.
  LiffFeaturesPlan plan(Size full, Rect out);
  // The planned features [g0,h,w], in the context's format. `below` [3,...] holds at least the footprint of
  // the plan's rectangle.
  nn::Map run(const LiffFeaturesPlan& plan, const nn::MapView& below);

  double macs_per_pixel() const { return macs_; }

 private:
  // Convolutions of 3x3 from the picture below to the features, one behind the other.
  int depth() const { return 3 + blocks_ * convs_; }
  // What `out` depends on, `convs` of these convolutions before it.
  Rect reached(Size full, Rect out, int convs) const;

  nn::Context& context_;
  int g0_, blocks_, convs_, growth_;
  double macs_ = 0.0;
  nn::ConvPass sfe1_, sfe2_, gff1_, gff2_;
  std::vector<std::vector<nn::ConvPass>> block_convs_;
  std::vector<nn::ConvPass> fuse_;
};

}  // namespace compass
