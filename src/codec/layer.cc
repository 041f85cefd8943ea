#include "codec/layer.h"

namespace compass {

LayerNetworks::LayerNetworks(std::shared_ptr<const Model> model, nn::Context& context,
                             PredictionKind prediction)
    : model_(std::move(model)), base_(model_, CodecKind::kBase, context) {
  if (!model_->layered()) return;
  enhancement_ = std::make_unique<CodecNetworks>(model_, CodecKind::kEnhancement, context);
  predictor_ = std::make_unique<Predictor>(model_, context, prediction);
}

Tensor LayerNetworks::analyse(const Place& place, const Image& original, const Patch* below) {
  auto& networks = codec(place.k);
  const Size latent = networks.latent_size(place.size());
  // A tile of latents covers kTileSide pixels or a little more.
  const int latent_side = std::max(1, kTileSide * latent.width / place.size().width);
  Tensor y(networks.latent_channels(), latent.height, latent.width);
  const Patch whole_original{original, whole(place.size())};
  for (const Rect tile : tiles_of(whole(latent), latent_side)) {
    const Rect pixels = networks.analysis_footprint(place.size(), tile);
    Tensor x = to_tensor(whole_original, pixels);
    Tensor prediction;
    if (below != nullptr) {
      prediction = predictor_->predict(*below, prediction_geometry(*model_, place.sizes, place.k), pixels);
      subtract(x, prediction);
    }
    const Tensor part =
        networks.analyse(x, below != nullptr ? &prediction : nullptr, place.rate, place.size(), tile);
    for (int row = 0; row < tile.height; ++row) {
      std::copy_n(part.pixel(row, 0), static_cast<size_t>(tile.width) * y.channels,
                  y.pixel(tile.y + row, tile.x));
    }
  }
  return y;
}

LayerLatents LayerNetworks::quantise(const Place& place, const Tensor& y) {
  auto& networks = codec(place.k);
  LayerLatents latents;
  latents.z = networks.quantise_hyper(networks.hyper_analyse(y));
  latents.hyper = networks.hyper_synthesise(latents.z, place.size());
  latents.y = compass::quantise(y, latents.hyper.means);
  return latents;
}

HyperParameters LayerNetworks::hyper_synthesise(const Place& place, std::span<const int32_t> z) {
  return codec(place.k).hyper_synthesise(z, place.size());
}

Patch LayerNetworks::reconstruct(const Place& place, const LayerLatents& latents, const Patch* below,
                                 Rect want) {
  auto& networks = codec(place.k);
  const Rect all_latents = whole(networks.latent_size(place.size()));
  const Tensor y_hat = dequantise(latents.y, latents.hyper.means);
  Patch result{Image(want.size()), want};
  for (const Rect tile : tiles_of(want, kTileSide)) {
    const auto footprint = networks.synthesis_footprint(place.size(), tile);
    const Tensor y_part = crop(y_hat, all_latents, footprint.latents);
    if (below == nullptr) {
      write(networks.synthesise(y_part, nullptr, place.rate, place.size(), tile), tile, result);
      continue;
    }
    const Rect seen = prediction_rect(place, tile);
    const Tensor prediction =
        predictor_->predict(*below, prediction_geometry(*model_, place.sizes, place.k), seen);
    const Tensor condition = networks.conditional() ? crop(prediction, seen, footprint.prediction) : Tensor();
    Tensor x_hat = networks.synthesise(y_part, networks.conditional() ? &condition : nullptr, place.rate,
                                       place.size(), tile);
    add(x_hat, crop(prediction, seen, tile));
    write(x_hat, tile, result);
  }
  return result;
}

Rect LayerNetworks::prediction_rect(const Place& place, Rect want) const {
  return united(want, codec(place.k).synthesis_footprint(place.size(), want).prediction);
}

Rect LayerNetworks::below_footprint(const Place& place, Rect want) const {
  return predictor_->footprint(prediction_geometry(*model_, place.sizes, place.k),
                               prediction_rect(place, want));
}

}  // namespace compass
