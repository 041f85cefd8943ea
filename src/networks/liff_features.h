// LIFF's first half: the residual dense network (Zhang et al., CVPR 2018, configuration "D" in the paper)
// that makes features of the picture below.
//
//   f1 = sfe1(x)     x_0 = sfe2(f1)
//   x_{b+1} = fuse_b([x_b, c_1, ..., c_n]) + x_b     with c_i = relu(conv_i([x_b, c_1, ..., c_{i-1}]))
//   features = gff2(gff1([x_1, ..., x_B])) + f1
//
// Maps of all of a large picture would be the most memory of its decoding, and too large for a cache. In f32
// they are made a stripe of rows at a time, from top to bottom: each convolution goes on where it stopped, a
// few rows ahead of the one that reads it, and of its map the rows are kept that are still to be read.
// Nothing is computed twice.
#pragma once

#include <span>
#include <vector>

#include "model_file/model.h"
#include "nn/context.h"
#include "nn/conv_pass.h"
#include "nn/map.h"
#include "nn/plan.h"

namespace compass {

struct LiffFeaturesPlan {
  // A convolution of the network. It makes the map of its own index.
  struct Conv {
    nn::ConvPass* pass = nullptr;
    int kernel = 1;
    std::vector<int> inputs;  // indexes of `maps`, concatenated; -1 is the picture below
    int addend = -1;          // added to the output; -1: none
  };
  // The rows [first, end) that a map holds while a stripe is made, and what its convolution computes of them.
  struct Rows {
    int first = 0;
    int end = 0;
    nn::ConvPlan conv;
  };
  std::vector<Conv> convs;
  std::vector<nn::PlannedMap> maps;  // with room for the most rows; the last one is the features
  // By stripe and map. One stripe: maps are whole, and let go when all have read them.
  std::vector<std::vector<Rows>> stripes;
  // By stripe: the source rows before this one have their 3x3 features once the stripe is made.
  std::vector<int> sources;
};

class LiffFeatures {
 public:
  // Description and weights must outlive this object.
  LiffFeatures(const LiffDescription& liff, const LiffWeights& weights, nn::Context& context);

  // The source pixels that the features of rectangle `out` depend on.
  Rect footprint(Size full, Rect out) const { return reached(full, out, depth()); }

  // The plan for the features of rectangle `out` of a picture of size `full`.
  LiffFeaturesPlan plan(Size full, Rect out);

  // Makes a plan's stripes, one after the other.
  class Stripes {
   public:
    // `below` [3,...] holds at least the footprint of the plan's rectangle.
    Stripes(nn::Context& context, const LiffFeaturesPlan& plan, const nn::MapView& below);
    // The next stripe's features [g0,h,w], in the context's format, valid until the next call. To be called
    // once for each stripe.
    nn::MapView next();

   private:
    void run(int conv, const LiffFeaturesPlan::Rows& rows);

    nn::Context& context_;
    const LiffFeaturesPlan& plan_;
    nn::MapView below_;
    std::vector<nn::Map> maps_;
    size_t stripe_ = 0;
  };

  double macs_per_pixel() const { return macs_; }

 private:
  // Convolutions of 3x3 from the picture below to the features, one behind the other.
  int depth() const { return 3 + blocks_ * convs_; }
  // What `out` depends on, `convs` of these convolutions before it.
  Rect reached(Size full, Rect out, int convs) const;
  // The network as a plan without stripes. Maps are those of a whole run.
  LiffFeaturesPlan describe(Size full, Rect out);

  nn::Context& context_;
  bool in_stripes_;  // LIIF reads features of two source rows at a time, and has them whole
  int g0_, blocks_, convs_, growth_;
  double macs_ = 0.0;
  nn::ConvPass sfe1_, sfe2_, gff1_, gff2_;
  std::vector<std::vector<nn::ConvPass>> block_convs_;
  std::vector<nn::ConvPass> fuse_;
};

}  // namespace compass
