// An encoder's search for symbols of y that cost less (codec/symbol_search.h), tile by tile: the gradients
// that it follows come from g_s and a backward pass through it.
#pragma once

#include "codec/filter_fit.h"
#include "codec/layer.h"
#include "codec/original.h"
#include "codec/prediction_window.h"
#include "codec/pyramid_networks.h"
#include "codec/symbol_search.h"
#include "codec/tile_filter.h"

namespace compass {

// The work of a round of search on a pixel, in analyses of a pixel: for those who are told how far it is.
inline constexpr double kRoundWork = 3.0;

// Plans for latents that are searched together: g_s to the pixels that depend on them, and the backward pass.
struct SearchPlans {
  CodecNetworks::PlanPtr g_s;
  CodecNetworks::PlanPtr backward;
};
SearchPlans plan_search(const PyramidNetworks& networks, const SpatialLayer& layer, Rect latents);

class LayerSearch {
 public:
  // Both must outlive the object; only where networks.make_search() says so.
  LayerSearch(PyramidNetworks& networks, TileBuffers& buffers) : networks_(networks), buffers_(buffers) {}

  // Moves y's symbols to where the layer costs less, and finds the loop filter's coefficients. Needs the
  // means, and leaves latents.y_hat at what a decoder makes of the symbols. `prediction` is null for the base
  // layer.
  void run(const SpatialLayer& layer, const Original& original, PredictionWindow* prediction,
           SymbolSearch& search, LayerLatents& latents);

  // Adds the kernels of all plans that run() runs.
  void add_kernels(const SpatialLayer& layer, std::vector<nn::KernelRequest>& kernels) const;

 private:
  struct Tile {
    SearchPlans plans;
    Rect latents;
    Rect pixels;
    nn::MapView residual;    // of the pixels or more, like the prediction
    nn::MapView prediction;  // no map for the base layer
  };
  Tile read_tile(const SpatialLayer& layer, const Original& original, PredictionWindow* prediction,
                 Rect latents);
  // g_s's picture of the tile; `save` as for CodecNetworks::synthesise.
  UnfilteredTile synthesise(const SpatialLayer& layer, const Tile& tile, const Tensor& y_hat,
                            nn::SavedActivations* save);
  // The derivative of lambda times the squared error of the tile's pixels, in bits, with respect to its
  // latents, into `result` [M,h,w]. With `filtered`, the error is what the loop filter leaves with the
  // coefficients that are best now.
  void gradient(const SpatialLayer& layer, const Tile& tile, const Tensor& y_hat, bool filtered,
                Tensor& result);
  // Adds what the loop filter corrects to the derivatives `error` of the tile's pixels.
  void add_corrections(const SpatialLayer& layer, const Tile& tile, const UnfilteredTile& made,
                       Tensor& error);
  template <typename Take>
  void for_error_weights(const SpatialLayer& layer, int y, int x, int width, const Take& take) const;
  // Of the middle of the tile, whose gradient is `before`.
  void measure_curvature(const SpatialLayer& layer, const Tile& tile, const Tensor& before,
                         SymbolSearch& search, LayerLatents& latents);
  std::vector<float> position_weights(const SpatialLayer& layer, Rect latents) const;
  FilterFit make_fit(const SpatialLayer& layer, FilterFit::Care care) const;
  TileFilter filter(const SpatialLayer& layer);

  PyramidNetworks& networks_;
  TileBuffers& buffers_;
};

}  // namespace compass
