// LayerNetworks' search for symbols of y that cost less: the gradients that codec/symbol_search.h follows.
#include <algorithm>

#include "codec/layer.h"

namespace compass {
namespace {

// By how much more than in training an error counts. Bits of lower layers pay off in higher ones, and what
// searching saves goes into bits first: with 1 rates fall by 7 to 12 % and quality by 0.1 to 0.4 dB, with 1.5
// quality stays about where it was (docs/search.md).
constexpr double kErrorWeight = 1.5;

}  // namespace

void LayerNetworks::search(const Place& place, const Original& original, PredictionWindow* prediction,
                           SymbolSearch& search, LayerLatents& latents) {
  auto& networks = codec(place.k);
  for (const Rect tile : analysis_tiles(place)) {
    const Rect pixels = networks.pull_back_footprint(place.size(), tile);
    HeldMap held;
    if (prediction != nullptr) {
      const Rect seen = prediction_rect(place, pixels);
      prediction->move_to(seen.y, seen.y + seen.height);
      held = prediction->held();
    }
    read_residual(place, original, prediction, pixels);
    search_tile({place, tile, pixels, held}, search, latents);
  }
  dequantise(place, latents);
}

void LayerNetworks::search_tile(const SearchTile& tile, SymbolSearch& search, LayerLatents& latents) {
  const Rect at = tile.latents;
  Tensor& y_hat = latents.y_hat;
  const int channels = y_hat.channels;
  const size_t count = static_cast<size_t>(at.width) * channels;
  bool known = false;  // whether gradient_ is that of y_hat
  if (!search.measured()) {
    const auto displace = [&](float sign) {
      for_rows(context_.pool(), at.height, [&](int row) {
        for (int x = 0; x < at.width; ++x) {
          float* value = y_hat.pixel(at.y + row, at.x + x);
          for (int c = 0; c < channels; ++c) value[c] += sign * SymbolSearch::probe(c, at.y + row, at.x + x);
        }
      });
    };
    gradient(tile, y_hat, gradient_);
    displace(1.0F);
    gradient(tile, y_hat, displaced_);
    displace(-1.0F);
    search.measure(gradient_, displaced_, at);
    known = true;
  }
  for (int round = 0; round < search.rounds(); ++round) {
    if (!known) gradient(tile, y_hat, gradient_);
    known = false;
    const nn::StageTimer timer(context_.times(), "search", 0.0);
    for_rows(context_.pool(), at.height, [&](int row) {
      float* first = y_hat.pixel(at.y + row, at.x);
      const size_t place = static_cast<size_t>(first - y_hat.data.data());
      search.move(
          round, at.y + row, at.x, {gradient_.pixel(row, 0), count},
          {{latents.y.data() + place, count}, {latents.indexes.data() + place, count}, {first, count}});
    });
  }
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
    const float* wanted = x_.pixel(row, 0);
    for (int i = 0; i < 3 * tile.pixels.width; ++i) x[i] = weight * (x[i] - wanted[i]);
  });
  networks.pull_back({&tile_, tile.pixels}, trace_, tile.place.rate, size, tile.latents, result);
  trace_.hidden.clear();
}

void LayerNetworks::dequantise(const Place& place, LayerLatents& latents) {
  Tensor& y_hat = latents.y_hat;
  hyper_synthesise(place, latents.z, [&](Rect tile, const HyperParameters& h) {
    for_rows(context_.pool(), tile.height, [&](int row) {
      float* values = y_hat.pixel(tile.y + row, tile.x);
      const int32_t* symbols = latents.y.data() + (values - y_hat.data.data());
      const float* means = h.means.pixel(row, 0);
      for (int i = 0; i < tile.width * y_hat.channels; ++i)
        values[i] = static_cast<float>(symbols[i]) + means[i];
    });
  });
}

}  // namespace compass
