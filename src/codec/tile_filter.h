// The loop filter on one tile of a layer at a time, row by row on all threads.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "codec/filter_fit.h"
#include "codec/layer.h"
#include "nn/context.h"

namespace compass {

class TileFilter {
 public:
  // For a layer of this size. What it refers to must outlive the object; `filter` may be empty.
  TileFilter(const FilterWeights& filter, Size layer, nn::Context& context,
             std::vector<FilterBuffers>& buffers);

  // Calls emit(y, x, count, samples) with every filtered row of rectangle `part`, on any thread. `tile` holds
  // kFilterHalo pixels around the rectangle, clipped to the layer; none are needed if the filter is empty.
  using EmitRow = std::function<void(int y, int x, int count, const PlaneRows& samples)>;
  void emit(const UnfilteredTile& tile, Rect part, std::span<const int32_t> coefficients,
            const EmitRow& emit);

  // Calls take(band, corrections) for every row of `part`, on any thread: the band has the row selected, and
  // `corrections` is what the filter adds to it.
  using TakeCorrections = std::function<void(const FilterBand& band, const PlaneRows& corrections)>;
  void correct(const UnfilteredTile& tile, Rect part, std::span<const int32_t> coefficients,
               const TakeCorrections& take);

  // Adds the filterable pixels of the tile to `fit`. `wanted` is what x_hat should be, the original less the
  // prediction, and holds the tile.
  void fit(const UnfilteredTile& tile, const nn::MapView& wanted, FilterFit& fit);

  // The pixels of a tile that have kFilterHalo pixels around them in the tile, or the layer's edge.
  Rect filterable(const UnfilteredTile& tile) const;

 private:
  // Cuts `part` into bands of a few rows and calls body(i, worker, band) for each.
  using Body = std::function<void(int i, int worker, Rect band)>;
  void for_bands(Rect part, const Body& body);

  const FilterWeights& filter_;
  Size layer_;
  nn::Context& context_;
  std::vector<FilterBuffers>& buffers_;
};

}  // namespace compass
