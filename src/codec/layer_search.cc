#include "codec/layer_search.h"

#include <algorithm>
#include <optional>

#include "codec/latent_coder.h"
#include "codec/layer_analysis.h"
#include "codec/layer_synthesis.h"
#include "codec/search_constants.h"
#include "codec/trellis_search.h"

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

// Adds `by` times the search's random signs to y_hat, for the latents `at`.
void displace(Rect at, float by, ThreadPool& pool, Tensor& y_hat) {
  for_rows(pool, at.height, [&](int row) {
    float* value = y_hat.pixel(at.y + row, at.x);
    for (int x = at.x; x < at.x + at.width; ++x) {
      for (int c = 0; c < y_hat.channels; ++c) *value++ += by * SymbolSearch::probe(c, at.y + row, x);
    }
  });
}

// The values of the latents `at`, and back to their place.
Tensor cut_out(const Tensor& y_hat, Rect at) {
  Tensor part(y_hat.channels, at.height, at.width);
  const size_t count = static_cast<size_t>(at.width) * y_hat.channels;
  for (int row = 0; row < at.height; ++row) {
    std::copy_n(y_hat.pixel(at.y + row, at.x), count, part.pixel(row, 0));
  }
  return part;
}

void put_back(const Tensor& part, Rect at, Tensor& y_hat) {
  const size_t count = static_cast<size_t>(at.width) * y_hat.channels;
  for (int row = 0; row < at.height; ++row) {
    std::copy_n(part.pixel(row, 0), count, y_hat.pixel(at.y + row, at.x));
  }
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
                  std::span<const float> weights, nn::Context& context, LayerLatents& latents) {
  const nn::StageTimer timer(context.times(), "search", 0.0);
  Tensor& y_hat = latents.y_hat;
  const size_t count = static_cast<size_t>(at.width) * y_hat.channels;
  for_rows(context.pool(), at.height, [&](int row) {
    float* first = y_hat.pixel(at.y + row, at.x);
    const float* means = latents.means.pixel(at.y + row, at.x);
    const size_t place = static_cast<size_t>(first - y_hat.data.data());
    search.move(round, at.y + row, at.x, {gradient.pixel(row, 0), count},
                weights.empty() ? weights : weights.subspan(static_cast<size_t>(row) * at.width, at.width),
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
  const auto trellis = trellis_quantiser(networks_.model(), layer, latents.y_hat.width);
  for (const Rect at : analysis_tiles(networks_, layer)) {
    const Tile tile = read_tile(layer, original, prediction, at);
    const std::vector<float> visual = position_weights(layer, at);
    std::optional<TrellisSearch> path;
    if (trellis) path.emplace(*trellis, at, visual, networks_.context(), buffers_, latents);
    for (int round = 0; round < search.rounds(); ++round) {
      // The first round's gradient serves the curvatures, too, and those are g_s's alone.
      gradient(layer, tile, latents.y_hat, round > 0 && !weights.empty(), buffers_.gradient);
      if (!search.measured()) measure_curvature(layer, tile, buffers_.gradient, search, latents);
      if (path) {
        path->move(round, buffers_.gradient, search, latents);
      } else {
        move_symbols(at, buffers_.gradient, round, search, visual, networks_.context(), latents);
      }
      networks_.meter().advance(kRoundWork * pixels_of(layer, at, networks_.latent_size(layer)));
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

// How much errors count at each latent of the rectangle; none if everywhere the same.
std::vector<float> LayerSearch::position_weights(const SpatialLayer& layer, Rect latents) const {
  std::vector<float> weights;
  if (layer.weights == nullptr) return weights;
  const int side = networks_.latent_side(layer.k);
  weights.reserve(static_cast<size_t>(latents.size().pixels()));
  for (int y = latents.y; y < latents.y + latents.height; ++y) {
    for (int x = latents.x; x < latents.x + latents.width; ++x) {
      weights.push_back(layer.weights->mean({x * side, y * side, side, side}));
    }
  }
  return weights;
}

FilterFit LayerSearch::make_fit(const SpatialLayer& layer, FilterFit::Care care) const {
  // Bits that a squared error of 1 in one sample of 0..1 is worth, at the layer's own rate.
  const double bits_per_error = networks_.model().lambda(layer.rate.rate) * 255.0 * 255.0 / 3.0;
  return {networks_.filter(layer.k), bits_per_error, layer.size(), care, layer.weights};
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
  const Tensor undisplaced = cut_out(latents.y_hat, part.latents);
  displace(part.latents, 1.0F, pool, latents.y_hat);
  gradient(layer, part, latents.y_hat, false, buffers_.displaced);
  put_back(undisplaced, part.latents, latents.y_hat);
  float weight = 1.0F;
  if (layer.weights != nullptr) {
    const int side = networks_.latent_side(layer.k);
    const Rect& l = part.latents;
    weight = layer.weights->mean({l.x * side, l.y * side, l.width * side, l.height * side});
  }
  search.measure(before, tile.latents, buffers_.displaced, part.latents, weight);
}

void LayerSearch::gradient(const SpatialLayer& layer, const Tile& tile, const Tensor& y_hat, bool filtered,
                           Tensor& result) {
  buffers_.saved.hidden.clear();  // a run that failed may have left something
  const UnfilteredTile made = synthesise(layer, tile, y_hat, &buffers_.saved);
  Tensor& error = buffers_.error;
  error.reshape(3, tile.pixels.height, tile.pixels.width);
  for_rows(networks_.context().pool(), tile.pixels.height, [&](int row) {
    const float* x = made.x_hat.pixel(tile.pixels.y + row, tile.pixels.x);
    const float* wanted = tile.residual.pixel(tile.pixels.y + row, tile.pixels.x);
    float* e = error.pixel(row, 0);
    const auto add_errors = [&](int first, int count, float weight) {
      for (int i = 3 * first; i < 3 * (first + count); ++i) e[i] = weight * (x[i] - wanted[i]);
    };
    for_error_weights(layer, tile.pixels.y + row, tile.pixels.x, tile.pixels.width, add_errors);
  });
  if (filtered) add_corrections(layer, tile, made, error);
  if (layer.grey) leave_grey(error);
  networks_.codec(layer.k).backward(*tile.plans.backward, nn::view_of(error, tile.pixels, layer.size()),
                                    buffers_.saved, layer.rate, result);
  buffers_.saved.hidden.clear();
}

// Calls take(first, count, weight) for stretches of equal rate among the `width` pixels from (y, x) on,
// `first` counting from x. `weight` times (x_hat - original) is the derivative of a sample's cost, weighted
// error in bits.
template <typename Take>
void LayerSearch::for_error_weights(const SpatialLayer& layer, int y, int x, int width,
                                    const Take& take) const {
  for (int first = x, next = 0; first < x + width; first = next) {
    next = layer.rate.squares == nullptr
               ? x + width
               : std::min((first / nn::kRateSquare + 1) * nn::kRateSquare, x + width);
    const double lambda = networks_.model().lambda(layer.rate.at(y, first));
    const double weight = kSearchErrorWeight * lambda * 255.0 * 255.0 * 2.0 / 3.0;
    if (layer.weights == nullptr) {
      take(first - x, next - first, static_cast<float>(weight));
      continue;
    }
    for (int cell = first, end = 0; cell < next; cell = end) {
      end = std::min((cell / kVisualCell + 1) * kVisualCell, next);
      take(cell - x, end - cell, static_cast<float>(weight * layer.weights->at(y, cell)));
    }
  }
}

void LayerSearch::add_corrections(const SpatialLayer& layer, const Tile& tile, const UnfilteredTile& made,
                                  Tensor& error) {
  TileFilter tile_filter = filter(layer);
  FilterFit fit = make_fit(layer, FilterFit::Care::kQuick);
  tile_filter.fit(made, tile.residual, fit);
  const Rect part = tile_filter.filterable(made);
  tile_filter.correct(made, part, fit.coefficients(),
                      [&](const FilterBand& band, const PlaneRows& corrections) {
                        float* e = error.pixel(band.row().y - tile.pixels.y, part.x - tile.pixels.x);
                        const auto add = [&](int first, int count, float weight) {
                          for (int x = first; x < first + count; ++x) {
                            for (int c = 0; c < 3; ++c) e[3 * x + c] += weight * corrections[c][x];
                          }
                        };
                        for_error_weights(layer, band.row().y, part.x, part.width, add);
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
