// The synthesis half of a layer, from symbols to pixels. Decoder and encoder share it.
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

// Pixels of halo of a tile, both sides of an axis together, that windows leave room for: more than any known
// network needs, in exact arithmetic, too, whose halos are larger.
inline constexpr int kHalo = 384;

// Latent positions a side of the tiles that h_s runs on. For models whose scale indexes come from floats,
// encoder and decoder must use the same tiles, so that this number belongs to the format of such models'
// streams. Their tiled layers (bitstream/blocks.h) are cut into blocks instead, so that every part of a
// picture gets the same tiles.
inline constexpr int kHyperSide = 128;

class LayerSynthesis {
 public:
  // Both must outlive the object.
  LayerSynthesis(PyramidNetworks& networks, TileBuffers& buffers) : networks_(networks), buffers_(buffers) {}

  // A window on the prediction of layer k >= 1, for reconstructing the pixels `want`. `below` and `passed`:
  // see PredictionWindow.
  PredictionWindow predict(const SpatialLayer& layer, ImageView& below, Rect want,
                           PredictionWindow::Passed passed);

  // h_s: the scale indexes with which y's symbols are decoded, for the rectangle `held` of latents, which
  // consists of whole blocks. y_hat is set to the means. `z` is the whole layer's; outside of h_s's footprint
  // it may be anything.
  LayerLatents hyper_synthesise(const SpatialLayer& layer, std::vector<int32_t> z, Rect held);

  // g_s and the loop filter: the reconstruction of rectangle `want`, unclamped, or as bytes into `result`,
  // whose size is want's. `prediction` is null for the base layer.
  ImageView reconstruct(const SpatialLayer& layer, const LayerLatents& latents, PredictionWindow* prediction,
                        Rect want);
  void reconstruct(const SpatialLayer& layer, const LayerLatents& latents, PredictionWindow* prediction,
                   Rect want, Rgb8Image& result);
  // The same for who wants another kind of samples: calls emit(y, x, count, samples) for every stretch of a
  // row that `want` consists of, on any thread.
  using EmitRow = std::function<void(int y, int x, int count, const PlaneRows& samples)>;
  void reconstruct(const SpatialLayer& layer, const LayerLatents& latents, PredictionWindow* prediction,
                   Rect want, const EmitRow& emit);

  // The footprint of `want`, in layer k >= 1, in the layer below.
  Rect below_footprint(const SpatialLayer& layer, Rect want) const;

  // Adds the kernels of all plans that these run for `want` of a decoder, or whole of an encoder; without
  // g_s's if nothing is reconstructed.
  void add_kernels(const SpatialLayer& layer, Rect want, bool reconstruct,
                   std::vector<nn::KernelRequest>& kernels) const;

 private:
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

// h_s on the tiles of the rectangle `latents`: calls take(tile, parameters) for each; the parameters lie in
// `memory`.
void hyper_synthesise(PyramidNetworks& networks, const SpatialLayer& layer, std::span<const int32_t> z,
                      Rect latents, HyperParameters& memory,
                      const std::function<void(Rect tile, const HyperParameters&)>& take);

}  // namespace compass
