// LayerNetworks' search for symbols of y that cost less: the gradients that codec/symbol_search.h follows.
#include <algorithm>
#include <optional>

#include "codec/layer.h"

namespace compass {
namespace {

// By how much more than in training an error counts. Bits of lower layers pay off in higher ones, and what
// searching saves goes into bits first (docs/search.md).
constexpr double kErrorWeight = 1.25;

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
  // Bits that a squared error of 1 in one sample of 0..1 is worth.
  const double bits_per_error = model_->lambda(place.rate) * 255.0 * 255.0 / 3.0;
  std::optional<FilterFit> fit;
  if (filter(place.k).directions > 0) fit.emplace(filter(place.k), bits_per_error, place.size().pixels());
  for (const Rect at : analysis_tiles(place)) {
    const SearchTile tile = look_at(place, original, prediction, at);
    for (int round = 0; round < search.rounds(); ++round) {
      gradient(tile, latents.y_hat, gradient_);
      if (!search.measured()) measure_curvature(tile, search, latents);
      move_symbols(at, round, search, latents);
    }
    if (fit) fit_filter(tile, latents.y_hat, *fit);
  }
  if (fit) latents.steps = fit->steps();
}

void LayerNetworks::fit_filter(const SearchTile& tile, const Tensor& y_hat, FilterFit& fit) {
  const Size size = tile.place.size();
  codec(tile.place.k)
      .synthesise({&y_hat, whole({y_hat.width, y_hat.height})}, tile.prediction, tile.place.rate, size,
                  tile.pixels, tile_);
  // Where the surroundings are at hand.
  const Rect seen = tile.pixels;
  const auto first = [](int low) { return low == 0 ? 0 : low + kFilterHalo; };
  const auto last = [](int high, int end) { return high == end ? end : high - kFilterHalo; };
  const int left = first(seen.x);
  const int top = first(seen.y);
  const int count = last(seen.x + seen.width, size.width) - left;
  const int rows = (last(seen.y + seen.height, size.height) - top) / fit.every();
  if (count <= 0 || rows <= 0) return;
  const double macs =
      static_cast<double>(kFilterWeights) * (filter(tile.place.k).directions + 1) * rows * count;
  const nn::StageTimer timer(context_.times(), "filter", macs);
  const FilterBand::ReadRow read = unfiltered_rows(seen, tile.prediction);
  std::vector<FilterFit::Sums> sums(rows);
  filter_buffers_.resize(context_.pool().threads());
  context_.pool().parallel_for(rows, [&](int i, int worker) {
    auto& [band, buffers] = filter_buffers_[worker];
    const int y = top + i * fit.every() + fit.every() / 2;
    band.load({left, y, count, 1}, size, read);
    band.look_at(y);
    const float* made = tile_.pixel(y - seen.y, left - seen.x);
    const float* wanted = x_.pixel(y - tile.residual.y, left - tile.residual.x);
    std::array<const float*, 3> error{};
    for (int c = 0; c < 3; ++c) {
      buffers[c].resize(static_cast<size_t>(count) + nn::kFilterPadding);
      for (int x = 0; x < count; ++x) buffers[c][x] = wanted[3 * x + c] - made[3 * x + c];
      error[c] = buffers[c].data();
    }
    sums[i] = fit.sums_of(band, error, count);
  });
  for (const auto& row : sums) fit.add(row);
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
  gradient(part, y_hat, displaced_);
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

void LayerNetworks::gradient(const SearchTile& tile, const Tensor& y_hat, Tensor& result) {
  auto& networks = codec(tile.place.k);
  const Size size = tile.place.size();
  networks.synthesise({&y_hat, whole({y_hat.width, y_hat.height})}, tile.prediction, tile.place.rate, size,
                      tile.pixels, tile_, &trace_);
  // d/dx of lambda 255^2 (x - original)^2 / 3.
  const auto weight =
      static_cast<float>(kErrorWeight * model_->lambda(tile.place.rate) * 255.0 * 255.0 * 2.0 / 3.0);
  for_rows(context_.pool(), tile.pixels.height, [&](int row) {
    float* x = tile_.pixel(row, 0);
    const float* wanted = x_.pixel(tile.pixels.y - tile.residual.y + row, tile.pixels.x - tile.residual.x);
    for (int i = 0; i < 3 * tile.pixels.width; ++i) x[i] = weight * (x[i] - wanted[i]);
  });
  networks.pull_back({&tile_, tile.pixels}, trace_, tile.place.rate, size, tile.latents, result);
  trace_.hidden.clear();
}

}  // namespace compass
