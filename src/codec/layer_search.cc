// LayerNetworks' search for symbols of y that cost less: the gradients that codec/symbol_search.h follows.
#include <algorithm>

#include "codec/layer.h"
#include "codec/search_constants.h"

namespace compass {
namespace {

// Positions a side of the part that curvatures are measured on.
constexpr int kProbedSide = 16;

}  // namespace

LayerNetworks::SearchTile LayerNetworks::look_at(const Place& place, const Original& original,
                                                 PredictionWindow* prediction, Rect latents) {
  const Rect pixels = codec(place.k).pull_back_footprint(place.size(), latents);
  HeldMap held;
  if (prediction != nullptr) {
    const Rect seen = prediction_rect(place, pixels);
    prediction->move_to(seen.y, seen.y + seen.height);
    held = prediction->held();
  }
  read_residual(place, original, prediction, pixels);
  return {place, latents, pixels, held, pixels};
}

// The middle of the tile that the curvatures are measured on.
Rect LayerNetworks::probed_part(Rect latents) {
  const int width = std::min(latents.width, kProbedSide);
  const int height = std::min(latents.height, kProbedSide);
  return {latents.x + (latents.width - width) / 2, latents.y + (latents.height - height) / 2, width, height};
}

void LayerNetworks::search(const Place& place, const Original& original, PredictionWindow* prediction,
                           SymbolSearch& search, LayerLatents& latents) {
  FilterFit fit = make_fit(place, FilterFit::Care::kThorough);
  for (const Rect at : analysis_tiles(place)) {
    const SearchTile tile = look_at(place, original, prediction, at);
    for (int round = 0; round < search.rounds(); ++round) {
      // The first round's gradient serves the curvatures, too, and those are g_s's alone.
      gradient(tile, latents.y_hat, round > 0 && !filter(place.k).empty(), gradient_);
      if (!search.measured()) measure_curvature(tile, search, latents);
      move_symbols(at, round, search, latents);
    }
    if (filter(place.k).directions == 0) continue;
    synthesise(tile, latents.y_hat, nullptr);
    fit_filter(tile, fit);
  }
  latents.steps = fit.steps();
}

FilterFit LayerNetworks::make_fit(const Place& place, FilterFit::Care care) const {
  // Bits that a squared error of 1 in one sample of 0..1 is worth.
  const double bits_per_error = model_->lambda(place.rate) * 255.0 * 255.0 / 3.0;
  return {filter(place.k), bits_per_error, place.size(), care};
}

void LayerNetworks::synthesise(const SearchTile& tile, const Tensor& y_hat, nn::Trace* trace) {
  codec(tile.place.k)
      .synthesise({&y_hat, whole({y_hat.width, y_hat.height})}, tile.prediction, tile.place.rate,
                  tile.place.size(), tile.pixels, tile_, trace);
}

Rect LayerNetworks::filterable(const SearchTile& tile) {
  const Rect seen = tile.pixels;
  const Size size = tile.place.size();
  const int left = seen.x == 0 ? 0 : seen.x + kFilterHalo;
  const int top = seen.y == 0 ? 0 : seen.y + kFilterHalo;
  const int right = seen.x + seen.width == size.width ? size.width : seen.x + seen.width - kFilterHalo;
  const int bottom = seen.y + seen.height == size.height ? size.height : seen.y + seen.height - kFilterHalo;
  return {left, top, std::max(right - left, 0), std::max(bottom - top, 0)};
}

void LayerNetworks::fit_filter(const SearchTile& tile, FilterFit& fit) {
  const Rect part = filterable(tile);
  if (filter(tile.place.k).directions == 0 || part.width == 0) return;
  const nn::StageTimer timer(context_.times(), "filter", fit.macs(part));
  const FilterBand::ReadRow read = unfiltered_rows(tile.pixels, tile.prediction);
  std::vector<std::vector<FilterFit::Sums>> sums((part.height + kBandRows - 1) / kBandRows);
  filter_buffers_.resize(context_.pool().threads());
  context_.pool().parallel_for(static_cast<int>(sums.size()), [&](int i, int worker) {
    auto& buffers = filter_buffers_[worker];
    const int top = part.y + i * kBandRows;
    const int bottom = std::min(top + kBandRows, part.y + part.height);
    buffers.band.load({part.x, top, part.width, bottom - top}, tile.place.size(), read);
    const PlaneRows error = buffers.rows_of(part.width);
    for (int y = top; y < bottom; ++y) {
      if (!fit.sees_row(y)) continue;
      buffers.band.look_at(y);
      const float* made = tile_.pixel(y - tile.pixels.y, part.x - tile.pixels.x);
      const float* wanted = x_.pixel(y - tile.residual.y, part.x - tile.residual.x);
      for (int c = 0; c < 3; ++c) {
        for (int x = 0; x < part.width; ++x) error[c][x] = wanted[3 * x + c] - made[3 * x + c];
      }
      fit.sum(buffers.band, {error[0], error[1], error[2]}, sums[i]);
    }
  });
  for (const auto& band : sums) fit.add(band);
}

void LayerNetworks::measure_curvature(const SearchTile& tile, SymbolSearch& search, LayerLatents& latents) {
  const Rect at = probed_part(tile.latents);
  SearchTile part = tile;
  part.latents = at;
  part.pixels = codec(tile.place.k).pull_back_footprint(tile.place.size(), at);
  Tensor& y_hat = latents.y_hat;
  const auto displace = [&](float by) {
    for_rows(context_.pool(), at.height, [&](int row) {
      float* value = y_hat.pixel(at.y + row, at.x);
      const float* mean = latents.means.pixel(at.y + row, at.x);
      const int32_t* symbol = latents.y.data() + (value - y_hat.data.data());
      for (int x = at.x; x < at.x + at.width; ++x) {
        for (int c = 0; c < y_hat.channels; ++c) {
          *value++ = static_cast<float>(*symbol++) + *mean++ + by * SymbolSearch::probe(c, at.y + row, x);
        }
      }
    });
  };
  displace(1.0F);
  gradient(part, y_hat, false, displaced_);
  displace(0.0F);
  search.measure(gradient_, tile.latents, displaced_, at);
}

void LayerNetworks::move_symbols(Rect at, int round, const SymbolSearch& search, LayerLatents& latents) {
  const nn::StageTimer timer(context_.times(), "search", 0.0);
  Tensor& y_hat = latents.y_hat;
  const size_t count = static_cast<size_t>(at.width) * y_hat.channels;
  for_rows(context_.pool(), at.height, [&](int row) {
    float* first = y_hat.pixel(at.y + row, at.x);
    const float* means = latents.means.pixel(at.y + row, at.x);
    const size_t place = static_cast<size_t>(first - y_hat.data.data());
    search.move(round, at.y + row, at.x, {gradient_.pixel(row, 0), count},
                {{latents.y.data() + place, count},
                 {latents.indexes.data() + place, count},
                 {means, count},
                 {first, count}});
  });
}

void LayerNetworks::gradient(const SearchTile& tile, const Tensor& y_hat, bool filtered, Tensor& result) {
  trace_.hidden.clear();  // a run that failed may have left something
  synthesise(tile, y_hat, &trace_);
  // d/dx of lambda 255^2 (x - original)^2 / 3.
  const auto weight =
      static_cast<float>(kSearchErrorWeight * model_->lambda(tile.place.rate) * 255.0 * 255.0 * 2.0 / 3.0);
  error_.reshape(3, tile.pixels.height, tile.pixels.width);
  for_rows(context_.pool(), tile.pixels.height, [&](int row) {
    const float* x = tile_.pixel(row, 0);
    const float* wanted = x_.pixel(tile.pixels.y - tile.residual.y + row, tile.pixels.x - tile.residual.x);
    float* error = error_.pixel(row, 0);
    for (int i = 0; i < 3 * tile.pixels.width; ++i) error[i] = weight * (x[i] - wanted[i]);
  });
  if (filtered) {
    FilterFit fit = make_fit(tile.place, FilterFit::Care::kQuick);
    fit_filter(tile, fit);
    const Rect part = filterable(tile);
    correct_rows(tile.place, part, tile.pixels, tile.prediction, fit.steps(),
                 [&](const FilterBand& band, const PlaneRows& corrections) {
                   float* error = error_.pixel(band.row().y - tile.pixels.y, part.x - tile.pixels.x);
                   for (int x = 0; x < part.width; ++x) {
                     for (int c = 0; c < 3; ++c) error[3 * x + c] += weight * corrections[c][x];
                   }
                 });
  }
  codec(tile.place.k)
      .pull_back({&error_, tile.pixels}, trace_, tile.place.rate, tile.place.size(), tile.latents, result);
  trace_.hidden.clear();
}

}  // namespace compass
