// How much errors count where: less in busy parts of a picture, where eyes do not see them, more in calm
// ones.
//
// With v the variance of luma (0..255) in a cell of 8x8 pixels, and l the logarithm log(v + floor^2) / 2,
// averaged with its neighbours' (binomially, some 16x16 pixels),
//
//   w = exp(clamp(-strength (l - mean of l), +-log 4)),
//
// so that weights are relative to the layer's own calm. Constants and what they were chosen on:
// docs/log/visual.md.
#pragma once

#include <span>
#include <vector>

#include "bitstream/quality_map.h"
#include "codec/original.h"

namespace compass {

// Pixels a side of the cells that have one weight.
inline constexpr int kVisualCell = 8;

class VisualWeights {
 public:
  // Of the layer of size `layer` of the picture.
  VisualWeights(const Original& picture, Size layer, ThreadPool& pool);
  // Of a picture of size `layer` whose cells' variances are these, row by row.
  VisualWeights(Size layer, std::span<const double> variances);

  // At a pixel.
  float at(int y, int x) const {
    return weights_[static_cast<size_t>(y / kVisualCell) * cells_.width + x / kVisualCell];
  }
  // The mean over a rectangle of pixels, which may reach beyond the layer and must not lie outside of it.
  float mean(Rect pixels) const;

  // Which squares of the layer are coded finer than the rest and which coarser: half of what moves the step
  // as far as the weights move the price of errors, for a model whose lambda doubles over `doubling` steps of
  // quality (Model::quality_doubling). In steps of 3, which keep maps short. Added to `wish`.
  QualityMap quality_map(const QualityMap& wish, double doubling) const;

 private:
  Size layer_;
  Size cells_;
  std::vector<float> weights_;  // [rows][columns]
};

}  // namespace compass
