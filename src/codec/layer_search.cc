#include "codec/layer_search.h"

#include <algorithm>

#include "codec/layer_analysis.h"
#include "codec/layer_synthesis.h"
#include "codec/search_constants.h"

namespace compass {
namespace {

// Positions a side of the part that curvatures are measured on.
constexpr int kProbedSide = 16;

// The middle of the tile, which curvatures are measured on.
Rect probed_part(Rect latents) {
  const int width = std::min(latents.width, kProbedSide);
  const int height = std::min(latents.height, kProbedSide);
  return {latents.x + (latents.width - width) / 2, latents.y + (latents.height - height) / 2, width, height};
}

// y_hat = symbols + means + `by` times the search's random signs, for the latents `at`.
void displace(Rect at, float by, ThreadPool& pool, LayerLatents& latents) {
  Tensor& y_hat = latents.y_hat;
  for_rows(pool, at.height, [&](int row) {
    float* value = y_hat.pixel(at.y + row, at.x);
    const float* mean = latents.means.pixel(at.y + row, at.x);
    const int32_t* symbol = latents.y.data() + (value - y_hat.data.data());
    for (int x = at.x; x < at.x + at.width; ++x) {
      for (int c = 0; c < y_hat.channels; ++c) {
        *value++ = static_cast<float>(*symbol++) + *mean++ + by * SymbolSearch::probe(c, at.y + row, x);
      }
    }
  });
}

// The derivatives with respect to three colours whose mean alone is compared.
void leave_grey(Tensor& error) {
  for (float* e = error.data.data(); e < error.data.data() + error.size(); e += 3) {
    const float mean = (e[0] + e[1] + e[2]) / 3.0F;
    std::fill_n(e, 3, mean);
  }
}

// One round on the latents `at`, whose gradient is given.
void move_symbols(Rect at, const Tensor& gradient, int round, const SymbolSearch& search,
                  nn::Context& context, LayerLatents& latents) {
  const nn::StageTimer timer(context.times(), "search", 0.0);
  Tensor& y_hat = latents.y_hat;
  const size_t count = static_cast<size_t>(at.width) * y_hat.channels;
  for_rows(context.pool(), at.height, [&](int row) {
    float* first = y_hat.pixel(at.y + row, at.x);
    const float* means = latents.means.pixel(at.y + row, at.x);
    const size_t place = static_cast<size_t>(first - y_hat.data.data());
    search.move(round, at.y + row, at.x, {gradient.pixel(row, 0), count},
                {{latents.y.data() + place, count},
                 {latents.indexes.data() + place, count},
                 {means, count},
                 {first, count}});
  });
}

}  // namespace

SearchPlans plan_search(const PyramidNetworks& networks, const SpatialLayer& layer, Rect latents) {
  const CodecNetworks& codec = networks.codec(layer.k);
  auto backward = codec.plan_backward(layer.size(), latents);
  return {codec.plan_synthesis(layer.size(), backward->input), backward};
}

void LayerSearch::run(const SpatialLayer& layer, const Original& original, PredictionWindow* prediction,
                      SymbolSearch& search, LayerLatents& latents) {
  const FilterWeights& weights = networks_.filter(layer.k);
  FilterFit fit = make_fit(layer, FilterFit::Care::kThorough);
  for (const Rect at : analysis_tiles(networks_, layer)) {
    const Tile tile = read_tile(layer, original, prediction, at);
    for (int round = 0; round < search.rounds(); ++round) {
      // The first round's gradient serves the curvatures, too, and those are g_s's alone.
      gradient(layer, tile, latents.y_hat, round > 0 && !weights.empty(), buffers_.gradient);
      if (!search.measured()) measure_curvature(layer, tile, buffers_.gradient, search, latents);
      move_symbols(at, buffers_.gradient, round, search, networks_.context(), latents);
    }
    if (weights.directions == 0) continue;
    filter(layer).fit(synthesise(layer, tile, latents.y_hat, nullptr), tile.residual, fit);
  }
  latents.coefficients = fit.coefficients();
}

LayerSearch::Tile LayerSearch::read_tile(const SpatialLayer& layer, const Original& original,
                                         PredictionWindow* prediction, Rect latents) {
  const SearchPlans plans = plan_search(networks_, layer, latents);
  const Rect pixels = plans.g_s->out;
  const nn::MapView predicted = view_rows(prediction, prediction_rect(networks_, layer, pixels));
  const nn::MapView residual =
      read_residual(layer, original, prediction, pixels, networks_.context(), buffers_.residual);
  return {plans, latents, pixels, residual, predicted};
}

FilterFit LayerSearch::make_fit(const SpatialLayer& layer, FilterFit::Care care) const {
  // Bits that a squared error of 1 in one sample of 0..1 is worth.
  const double bits_per_error = networks_.model().lambda(layer.rate) * 255.0 * 255.0 / 3.0;
  return {networks_.filter(layer.k), bits_per_error, layer.size(), care};
}

TileFilter LayerSearch::filter(const SpatialLayer& layer) {
  return {networks_.filter(layer.k), layer.size(), networks_.context(), buffers_.filter};
}

UnfilteredTile LayerSearch::synthesise(const SpatialLayer& layer, const Tile& tile, const Tensor& y_hat,
                                       nn::SavedActivations* save) {
  networks_.codec(layer.k).synthesise(*tile.plans.g_s, nn::view_of(y_hat), tile.prediction, layer.rate,
                                      buffers_.output, save);
  return {nn::view_of(buffers_.output, tile.pixels, layer.size()), tile.prediction};
}

void LayerSearch::measure_curvature(const SpatialLayer& layer, const Tile& tile, const Tensor& before,
                                    SymbolSearch& search, LayerLatents& latents) {
  ThreadPool& pool = networks_.context().pool();
  Tile part = tile;
  part.latents = probed_part(tile.latents);
  part.plans = plan_search(networks_, layer, part.latents);
  part.pixels = part.plans.g_s->out;
  displace(part.latents, 1.0F, pool, latents);
  gradient(layer, part, latents.y_hat, false, buffers_.displaced);
  displace(part.latents, 0.0F, pool, latents);
  search.measure(before, tile.latents, buffers_.displaced, part.latents);
}

void LayerSearch::gradient(const SpatialLayer& layer, const Tile& tile, const Tensor& y_hat, bool filtered,
                           Tensor& result) {
  buffers_.saved.hidden.clear();  // a run that failed may have left something
  const UnfilteredTile made = synthesise(layer, tile, y_hat, &buffers_.saved);
  // d/dx of lambda 255^2 (x - original)^2 / 3.
  const auto weight = static_cast<float>(kSearchErrorWeight * networks_.model().lambda(layer.rate) * 255.0 *
                                         255.0 * 2.0 / 3.0);
  Tensor& error = buffers_.error;
  error.reshape(3, tile.pixels.height, tile.pixels.width);
  for_rows(networks_.context().pool(), tile.pixels.height, [&](int row) {
    const float* x = made.x_hat.pixel(tile.pixels.y + row, tile.pixels.x);
    const float* wanted = tile.residual.pixel(tile.pixels.y + row, tile.pixels.x);
    float* e = error.pixel(row, 0);
    for (int i = 0; i < 3 * tile.pixels.width; ++i) e[i] = weight * (x[i] - wanted[i]);
  });
  if (filtered) add_corrections(layer, tile, made, weight, error);
  if (layer.grey) leave_grey(error);
  networks_.codec(layer.k).backward(*tile.plans.backward, nn::view_of(error, tile.pixels, layer.size()),
                                    buffers_.saved, layer.rate, result);
  buffers_.saved.hidden.clear();
}

void LayerSearch::add_corrections(const SpatialLayer& layer, const Tile& tile, const UnfilteredTile& made,
                                  float weight, Tensor& error) {
  TileFilter tile_filter = filter(layer);
  FilterFit fit = make_fit(layer, FilterFit::Care::kQuick);
  tile_filter.fit(made, tile.residual, fit);
  const Rect part = tile_filter.filterable(made);
  tile_filter.correct(made, part, fit.coefficients(),
                      [&](const FilterBand& band, const PlaneRows& corrections) {
                        float* e = error.pixel(band.row().y - tile.pixels.y, part.x - tile.pixels.x);
                        for (int x = 0; x < part.width; ++x) {
                          for (int c = 0; c < 3; ++c) e[3 * x + c] += weight * corrections[c][x];
                        }
                      });
}

void LayerSearch::add_kernels(const SpatialLayer& layer, std::vector<nn::KernelRequest>& kernels) const {
  std::vector<Rect> tiles = analysis_tiles(networks_, layer);
  tiles.push_back(probed_part(tiles.front()));
  for (const Rect tile : tiles) {
    const SearchPlans plans = plan_search(networks_, layer, tile);
    plans.g_s->add_kernels(kernels);
    plans.backward->add_kernels(kernels);
  }
}

}  // namespace compass
