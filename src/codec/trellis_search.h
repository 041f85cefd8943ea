// The search on one tile of a layer whose y is quantised dependently.
//
// Symbols cannot be moved one by one there: each has a say in which levels those after it may have. What
// moves are targets, one for each element: where y_hat should be, as far as gradients tell. With the gradient
// g of the picture's error with respect to y_hat and its curvature c, both in bits, each round takes a share
// b of the way to where the error alone would be least,
//
//   T += b (y_hat - g / 2c - T),
//
// and the path through the trellis that costs least is found afresh for the targets. Targets average over
// rounds what single gradients say, which is true only as long as neighbours stay what they are. The first
// round's gradient is that of y itself, unrounded, and b is 1.
#pragma once

#include <span>

#include "codec/layer.h"
#include "codec/symbol_search.h"
#include "codec/trellis_quantiser.h"
#include "nn/context.h"

namespace compass {

class TrellisSearch {
 public:
  // For the latents `tile`, where latents.y_hat is y itself: keeps it as targets. All must outlive the
  // object.
  // `weights` [h][w]: how much errors count at each position of the tile, against where curvatures were
  // measured; or none.
  TrellisSearch(const TrellisQuantiser& quantiser, Rect tile, std::span<const float> weights,
                nn::Context& context, TileBuffers& buffers, LayerLatents& latents);

  // Round `round` of the search, `gradient` [M,h,w] being that of the tile with respect to latents.y_hat.
  void move(int round, const Tensor& gradient, const SymbolSearch& search, LayerLatents& latents);

 private:
  void quantise(std::span<const float> weights, LayerLatents& latents);

  const TrellisQuantiser& quantiser_;
  Rect tile_;
  std::span<const float> weights_;
  nn::Context& context_;
  TileBuffers& buffers_;
};

}  // namespace compass
