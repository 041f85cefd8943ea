// A spatial layer: which one it is, what is coded for it, and the buffers of its tiles.
//
//   encoding:  x - prediction -> g_a -> y -> h_a -> z     z -> h_s -> scales, means     q = round(y - means)
//   decoding:  z -> h_s -> scales, means     q + means = y_hat -> g_s -> x_hat + prediction -> loop filter
//
// codec/layer_analysis.h, layer_search.h and layer_synthesis.h run it, tile by tile. The base layer is the
// case without a prediction.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "codec/loop_filter.h"
#include "codec/trellis_quantiser.h"
#include "codec/visual_weights.h"
#include "core/size.h"
#include "core/tensor.h"
#include "networks/networks.h"

namespace compass {

// Which layer of which pyramid.
struct SpatialLayer {
  const std::vector<Size>& sizes;          // of all layers
  int k = 0;                               // 0 is the base layer
  nn::RateField rate{};                    // positions on the rate-point axis
  bool grey = false;                       // encoding: only the mean of the three colours will be looked at
  const VisualWeights* weights = nullptr;  // encoding: how much errors count where; null: the same everywhere
  Size size() const { return sizes[k]; }
};

// What is coded for a layer, what h_s says about it, and g_s's input. Memory order [h,w,C].
struct LayerLatents {
  std::vector<int32_t> z;  // of the whole layer
  Rect held;               // the latents that the others are of: all, or what a decoder needs of them
  // Symbols, or levels if y is quantised dependently; a decoder adds them to the means at once and has none.
  AlignedVector<int32_t> y;
  AlignedVector<uint8_t> indexes;     // scale index of each element of y
  Tensor y_hat;                       // [M,h,w]; the means alone until the symbols are known; or empty
  Tensor means;                       // [M,h,w] for a search, which takes other symbols; empty otherwise
  std::vector<int32_t> coefficients;  // of the loop filter, of the whole layer: [regions][directions]
};

// A rectangle of a layer before the loop filter: g_s's output, and the prediction that is to be added to it.
struct UnfilteredTile {
  nn::MapView x_hat;       // [3,h,w], exactly the rectangle
  nn::MapView prediction;  // the rectangle or more; empty for the base layer
};

// Rows of samples that one thread of the loop filter works on.
struct FilterBuffers {
  FilterBand band;
  std::array<AlignedVector<float>, 3> samples;
  PlaneRows rows_of(int width) {
    for (auto& row : samples) row.resize(static_cast<size_t>(width) + nn::kFilterPadding);
    return {samples[0].data(), samples[1].data(), samples[2].data()};
  }
};

// Memory for the maps of one tile at a time. An encoder or decoder keeps it and lends it to the classes that
// run layers, so that pictures after the first allocate nothing. Its contents are good for one tile.
struct TileBuffers {
  Tensor residual;                      // [3,h,w]: the original less the prediction
  Tensor output;                        // the output of the network that ran last: a tile of y, z or x_hat
  HyperParameters hyper;                // what h_s said
  std::vector<FilterBuffers> filter;    // one for each thread
  std::vector<TrellisBuffers> trellis;  // one for each thread of an encoder
  // For a search.
  Tensor error;                // [3,h,w]: the derivative of the cost with respect to x_hat
  Tensor gradient, displaced;  // [M,h,w]: with respect to y_hat, and after a displacement of it
  Tensor targets;              // [M,h,w]: what y_hat should be, if y is quantised dependently
  nn::SavedActivations saved;  // of the run of g_s that the backward pass follows
};

}  // namespace compass
