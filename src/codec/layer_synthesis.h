// From a layer's symbols to its pixels, as a decoder and an encoder both do it.
#pragma once

#include <algorithm>
#include <functional>
#include <span>
#include <vector>

#include "codec/image_view.h"
#include "codec/layer.h"
#include "codec/prediction_window.h"
#include "codec/pyramid_networks.h"

namespace compass {

// Pixels of halo around a tile that networks read, both sides of an axis together: more than any we know
// needs.
inline constexpr int kHalo = 256;

// Latent positions a side of the tiles that h_s runs on. Where a model's scales are floats, encoder and
// decoder must cut alike, so that this number is part of such models' streams.
inline constexpr int kHyperSide = 128;

class LayerSynthesis {
 public:
  // Both must outlive the object.
  LayerSynthesis(PyramidNetworks& networks, TileBuffers& buffers) : networks_(networks), buffers_(buffers) {}

  // The prediction of layer k >= 1 for the pixels `want` of its reconstruction; see PredictionWindow for the
  // rest.
  PredictionWindow predict(const SpatialLayer& layer, ImageView& below, Rect want,
                           PredictionWindow::Passed passed);

  // h_s: what y's symbols are to be decoded with. y_hat is left at the means.
  LayerLatents hyper_synthesise(const SpatialLayer& layer, std::vector<int32_t> z);

  // g_s and the loop filter: the reconstruction of rectangle `want`, unclamped, or as bytes into `result`,
  // whose size is want's. `prediction` is null for the base layer.
  ImageView reconstruct(const SpatialLayer& layer, const LayerLatents& latents, PredictionWindow* prediction,
                        Rect want);
  void reconstruct(const SpatialLayer& layer, const LayerLatents& latents, PredictionWindow* prediction,
                   Rect want, Rgb8Image& result);

  // The part of the layer below that `want` of layer k >= 1 is predicted from.
  Rect below_footprint(const SpatialLayer& layer, Rect want) const;

  // Adds the kernels of all plans that these run for `want`; without g_s's if nothing is reconstructed.
  void add_kernels(const SpatialLayer& layer, Rect want, bool reconstruct,
                   std::vector<nn::KernelRequest>& kernels) const;

 private:
  // Calls emit(y, x, count, samples) for every stretch of a row that `want` consists of, on any thread.
  using EmitRow = std::function<void(int y, int x, int count, const PlaneRows& samples)>;
  void reconstruct(const SpatialLayer& layer, const LayerLatents& latents, PredictionWindow* prediction,
                   Rect want, const EmitRow& emit);
  // Calls take(tile, plan) for every tile of `want`; the plan has the loop filter's halo around the tile.
  void for_tiles(const SpatialLayer& layer, Rect want,
                 const std::function<void(Rect tile, const nn::Plan& plan)>& take) const;

  PyramidNetworks& networks_;
  TileBuffers& buffers_;
};

// What g_s has to make for the loop filter to have `tile`: with a halo, whose sides are even.
Rect unfiltered(const PyramidNetworks& networks, const SpatialLayer& layer, Rect tile);

// Pixels whose prediction g_s and the sum need for the pixels `want` of a reconstruction.
Rect prediction_rect(const PyramidNetworks& networks, const SpatialLayer& layer, Rect want);

// Rows of layer k's prediction that its window holds at a time, of `height`; all if they are kept.
inline int window_rows(const PyramidNetworks& networks, int k, int height, bool kept) {
  return kept ? height : std::min(height, networks.tile_side(k) + kHalo);
}

// h_s on the tiles of all latents: calls take(tile, parameters) for each; the parameters lie in `memory`.
void hyper_synthesise(PyramidNetworks& networks, const SpatialLayer& layer, std::span<const int32_t> z,
                      HyperParameters& memory,
                      const std::function<void(Rect tile, const HyperParameters&)>& take);

}  // namespace compass
