#include "codec/tile_filter.h"

#include <algorithm>

#include "nn/pixel_rows.h"
#include "nn/stage_times.h"

namespace compass {
namespace {

// Rows that one thread filters at a time.
constexpr int kBandRows = 32;

int bands_of(Rect part) {
  return (part.height + kBandRows - 1) / kBandRows;
}

// Rows of x_hat, with the prediction added if there is one.
FilterBand::ReadRow rows_of(const UnfilteredTile& tile) {
  return [tile](int y, int x, int count, const PlaneRows& rows) {
    const bool has_prediction = tile.prediction.data != nullptr;
    nn::split_pixels(tile.x_hat.pixel(y, x), has_prediction ? tile.prediction.pixel(y, x) : nullptr,
                     static_cast<size_t>(count), rows);
  };
}

}  // namespace

TileFilter::TileFilter(const FilterWeights& filter, Size layer, nn::Context& context,
                       std::vector<FilterBuffers>& buffers)
    : filter_(filter), layer_(layer), context_(context), buffers_(buffers) {
  buffers_.resize(context.pool().threads());
}

void TileFilter::for_bands(Rect part, const Body& body) {
  context_.pool().parallel_for(bands_of(part), [&](int i, int worker) {
    const int top = part.y + i * kBandRows;
    const int bottom = std::min(top + kBandRows, part.y + part.height);
    body(i, worker, {part.x, top, part.width, bottom - top});
  });
}

void TileFilter::emit(const UnfilteredTile& tile, Rect part, std::span<const int32_t> coefficients,
                      const EmitRow& emit) {
  if (!filter_.empty()) {
    correct(tile, part, coefficients, [&](const FilterBand& band, const PlaneRows& rows) {
      for (int c = 0; c < 3; ++c) {
        const float* sample = band.sample(c);
        for (int x = 0; x < part.width; ++x) rows[c][x] += sample[x];
      }
      emit(band.row().y, part.x, part.width, rows);
    });
    return;
  }
  const FilterBand::ReadRow read = rows_of(tile);
  context_.pool().parallel_for(part.height, [&](int row, int worker) {
    const PlaneRows rows = buffers_[worker].rows_of(part.width);
    read(part.y + row, part.x, part.width, rows);
    emit(part.y + row, part.x, part.width, rows);
  });
}

void TileFilter::correct(const UnfilteredTile& tile, Rect part, std::span<const int32_t> coefficients,
                         const TakeCorrections& take) {
  if (part.width == 0 || part.height == 0) return;
  const nn::StageTimer timer(context_.times(), "filter",
                             kFilterWeights * static_cast<double>(part.size().pixels()));
  const FilterBand::ReadRow read = rows_of(tile);
  const LayerFilter layer_filter(filter_, coefficients, layer_, part);
  for_bands(part, [&](int /*i*/, int worker, Rect band) {
    FilterBuffers& buffers = buffers_[worker];
    const PlaneRows rows = buffers.rows_of(part.width);
    buffers.band.load(band, layer_, read);
    for (int y = band.y; y < band.y + band.height; ++y) {
      buffers.band.select_row(y);
      for (int c = 0; c < 3; ++c) layer_filter.correct(buffers.band, c, context_.arithmetic(), rows[c]);
      take(buffers.band, rows);
    }
  });
}

Rect TileFilter::filterable(const UnfilteredTile& tile) const {
  const Rect seen = tile.x_hat.part;
  const int left = seen.x == 0 ? 0 : seen.x + kFilterHalo;
  const int top = seen.y == 0 ? 0 : seen.y + kFilterHalo;
  const int right = seen.x + seen.width == layer_.width ? layer_.width : seen.x + seen.width - kFilterHalo;
  const int bottom =
      seen.y + seen.height == layer_.height ? layer_.height : seen.y + seen.height - kFilterHalo;
  return {left, top, std::max(right - left, 0), std::max(bottom - top, 0)};
}

void TileFilter::fit(const UnfilteredTile& tile, const nn::MapView& wanted, FilterFit& fit) {
  const Rect part = filterable(tile);
  if (filter_.directions == 0 || part.width == 0) return;
  const nn::StageTimer timer(context_.times(), "filter", fit.macs(part));
  const FilterBand::ReadRow read = rows_of(tile);
  std::vector<std::vector<FilterFit::Sums>> sums(bands_of(part));
  for_bands(part, [&](int i, int worker, Rect band) {
    FilterBuffers& buffers = buffers_[worker];
    buffers.band.load(band, layer_, read);
    const PlaneRows error = buffers.rows_of(part.width);
    for (int y = band.y; y < band.y + band.height; ++y) {
      if (!fit.samples_row(y)) continue;
      buffers.band.select_row(y);
      const float* made = tile.x_hat.pixel(y, part.x);
      const float* should = wanted.pixel(y, part.x);
      for (int c = 0; c < 3; ++c) {
        for (int x = 0; x < part.width; ++x) error[c][x] = should[3 * x + c] - made[3 * x + c];
      }
      fit.sum(buffers.band, {error[0], error[1], error[2]}, sums[i]);
    }
  });
  for (const auto& band : sums) fit.add(band);
}

}  // namespace compass
