// The analysis half of an encoder: from a layer's pixels to the symbols that are coded for it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "codec/layer.h"
#include "codec/original.h"
#include "codec/prediction_window.h"
#include "codec/pyramid_networks.h"

namespace compass {

class LayerAnalysis {
 public:
  // Both must outlive the object.
  LayerAnalysis(PyramidNetworks& networks, TileBuffers& buffers) : networks_(networks), buffers_(buffers) {}

  // g_a: y [M,h,w] of the whole layer; `prediction` is null for the base layer.
  Tensor analyse(const SpatialLayer& layer, const Original& original, PredictionWindow* prediction);

  // h_a and h_s: quantises z and y. What it keeps depends on what comes next: symbols alone; y_hat, too, to
  // reconstruct from; or y_hat and means, to search with. A search quantises dependently itself: for it, y
  // stays what it was, in the place of y_hat.
  enum class Next { kCode, kReconstruct, kSearch };
  LayerLatents quantise(const SpatialLayer& layer, Tensor y, Next next);

  // Adds the kernels of all plans that these run, except those of h_s, which LayerSynthesis adds.
  void add_kernels(const SpatialLayer& layer, std::vector<nn::KernelRequest>& kernels) const;

 private:
  // Call take(plan) for every tile that g_a, or h_a, runs on.
  using TakePlan = std::function<void(const nn::Plan&)>;
  void for_tiles(const SpatialLayer& layer, const TakePlan& take) const;
  void for_hyper_tiles(const SpatialLayer& layer, const TakePlan& take) const;
  std::vector<int32_t> quantise_hyper(const SpatialLayer& layer, const Tensor& y);
  // What h_s says about a tile to its place: indexes, and means if there is room for them.
  void copy_parameters(Rect tile, const HyperParameters& h, LayerLatents& latents, const Tensor& y) const;
  // Rounds a tile of y: symbols, and y_hat in y's place.
  void round_tile(Rect tile, const Tensor& means, Tensor& y, LayerLatents& latents) const;

  PyramidNetworks& networks_;
  TileBuffers& buffers_;
};

// The side, in latents, of tiles that cover at most `tile_side` pixels a side, in a layer of so many latents
// and pixels across; at least 1.
inline int latents_a_side(int tile_side, int latents, int pixels) {
  return static_cast<int>(std::max<int64_t>(1, int64_t{tile_side} * latents / pixels));
}

// The pixels that a rectangle of the layer's latents, of which there are `all`, stands for.
double pixels_of(const SpatialLayer& layer, Rect latents, Size all);

// The tiles of latents in which a layer is analysed and searched: they cover tile_side() pixels a side or a
// little more, and whole blocks of a trellis.
int analysis_side(const PyramidNetworks& networks, const SpatialLayer& layer);
std::vector<Rect> analysis_tiles(const PyramidNetworks& networks, const SpatialLayer& layer);

// Rectangle `pixels` of the layer's original, less the prediction if there is one, whose window must hold the
// rectangle. Written to `memory`, of which a view is returned.
nn::MapView read_residual(const SpatialLayer& layer, const Original& original,
                          const PredictionWindow* prediction, Rect pixels, nn::Context& context,
                          Tensor& memory);

}  // namespace compass
