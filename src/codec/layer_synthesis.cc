#include "codec/layer_synthesis.h"

#include <algorithm>

#include "codec/layer_blocks.h"
#include "codec/tile_filter.h"
#include "nn/pixel_rows.h"

namespace compass {
namespace {

// The tiles that h_s runs on for `latents`.
std::vector<Rect> hyper_tiles(const PyramidNetworks& networks, const SpatialLayer& layer, Rect latents) {
  const CodecDescription& codec = networks.model().codec(codec_of_layer(layer.k));
  const bool exact = codec.factorised() || !codec.h_scales.empty();
  if (exact || !is_tiled(layer.size())) return tiles_of(latents, kHyperSide);
  const BlockPlaces places = latent_blocks(networks, layer);
  std::vector<Rect> tiles;
  for_blocks(places.grid(), places.holding(latents),
             [&](size_t block) { tiles.push_back(places.positions(block)); });
  std::erase_if(tiles, [](Rect tile) { return tile.size().pixels() == 0; });
  return tiles;
}

// Calls take(plan) for each of them.
void for_hyper_tiles(const PyramidNetworks& networks, const SpatialLayer& layer, Rect latents,
                     const std::function<void(const CodecNetworks::HyperPlan&)>& take) {
  for (const Rect tile : hyper_tiles(networks, layer, latents)) {
    take(networks.codec(layer.k).plan_hyper_synthesis(layer.size(), tile));
  }
}

// Rows of samples as bytes of pixels side by side.
void put_pixels(const PlaneRows& samples, int count, uint8_t* out) {
  constexpr int kAtOnce = 256;
  uint8_t bytes[3][kAtOnce];
  for (int first = 0; first < count; first += kAtOnce) {
    const int n = std::min(kAtOnce, count - first);
    for (int c = 0; c < 3; ++c) nn::round_samples(samples[c] + first, static_cast<size_t>(n), bytes[c]);
    for (int i = 0; i < n; ++i, out += 3) {
      out[0] = bytes[0][i];
      out[1] = bytes[1][i];
      out[2] = bytes[2][i];
    }
  }
}

}  // namespace

Rect unfiltered(const PyramidNetworks& networks, const SpatialLayer& layer, Rect tile) {
  if (networks.filter(layer.k).empty()) return tile;
  return grown(tile, kFilterHalo + 1, layer.size());
}

Rect prediction_rect(const PyramidNetworks& networks, const SpatialLayer& layer, Rect want) {
  const Rect made = unfiltered(networks, layer, want);
  return united(made, networks.codec(layer.k).plan_synthesis(layer.size(), made)->prediction);
}

PredictionWindow LayerSynthesis::predict(const SpatialLayer& layer, ImageView& below, Rect want,
                                         PredictionWindow::Passed passed) {
  const Rect columns = prediction_rect(networks_, layer, want);
  const bool kept = passed == PredictionWindow::Passed::kKept;
  return {networks_.predictor(),
          below,
          prediction_geometry(networks_.model(), layer.sizes, layer.k),
          columns.x,
          columns.x + columns.width,
          passed,
          window_rows(networks_, layer.k, columns.height, kept)};
}

Rect LayerSynthesis::below_footprint(const SpatialLayer& layer, Rect want) const {
  return networks_.predictor().footprint(prediction_geometry(networks_.model(), layer.sizes, layer.k),
                                         prediction_rect(networks_, layer, want));
}

void hyper_synthesise(PyramidNetworks& networks, const SpatialLayer& layer, std::span<const int32_t> z,
                      Rect latents, HyperParameters& memory,
                      const std::function<void(Rect tile, const HyperParameters&)>& take) {
  for_hyper_tiles(networks, layer, latents, [&](const CodecNetworks::HyperPlan& plan) {
    networks.codec(layer.k).hyper_synthesise(plan, z, memory);
    take(plan.out, memory);
  });
}

LayerLatents LayerSynthesis::hyper_synthesise(const SpatialLayer& layer, std::vector<int32_t> z, Rect held) {
  LayerLatents latents;
  latents.z = std::move(z);
  latents.held = held;
  latents.y_hat.reshape(networks_.codec(layer.k).latent_channels(), held.height, held.width);
  latents.indexes.resize(latents.y_hat.size());
  const auto take = [&](Rect tile, const HyperParameters& h) {
    const size_t count = static_cast<size_t>(tile.width) * latents.y_hat.channels;
    for_rows(networks_.context().pool(), tile.height, [&](int row) {
      float* values = latents.y_hat.pixel(tile.y + row - held.y, tile.x - held.x);
      std::copy_n(h.means.pixel(row, 0), count, values);
      std::copy_n(h.indexes.data() + row * count, count,
                  latents.indexes.data() + (values - latents.y_hat.data.data()));
    });
  };
  compass::hyper_synthesise(networks_, layer, latents.z, held, buffers_.hyper, take);
  return latents;
}

void LayerSynthesis::reconstruct(const SpatialLayer& layer, const LayerLatents& latents,
                                 PredictionWindow* prediction, Rect want, const EmitRow& emit) {
  CodecNetworks& codec = networks_.codec(layer.k);
  const nn::MapView y_hat = nn::view_of(latents.y_hat, latents.held, networks_.latent_size(layer));
  TileFilter filter(networks_.filter(layer.k), layer.size(), networks_.context(), buffers_.filter);
  for_tiles(layer, want, [&](Rect tile, const nn::Plan& plan) {
    const nn::MapView predicted = view_rows(prediction, united(plan.out, plan.prediction));
    codec.synthesise(plan, y_hat, predicted, layer.rate, buffers_.output);
    filter.emit({nn::view_of(buffers_.output, plan.out, layer.size()), predicted}, tile, latents.coefficients,
                emit);
    networks_.meter().advance(static_cast<double>(tile.size().pixels()));
  });
}

ImageView LayerSynthesis::reconstruct(const SpatialLayer& layer, const LayerLatents& latents,
                                      PredictionWindow* prediction, Rect want) {
  ImageView result{Image::unset(want.size()), want};
  reconstruct(layer, latents, prediction, want, [&](int y, int x, int count, const PlaneRows& samples) {
    for (int c = 0; c < 3; ++c)
      std::copy_n(samples[c], count, result.image.row(c, y - want.y) + (x - want.x));
  });
  return result;
}

void LayerSynthesis::reconstruct(const SpatialLayer& layer, const LayerLatents& latents,
                                 PredictionWindow* prediction, Rect want, Rgb8Image& result) {
  reconstruct(layer, latents, prediction, want, [&](int y, int x, int count, const PlaneRows& samples) {
    put_pixels(samples, count, result.row(y - want.y) + 3 * static_cast<size_t>(x - want.x));
  });
}

void LayerSynthesis::for_tiles(const SpatialLayer& layer, Rect want,
                               const std::function<void(Rect tile, const nn::Plan& plan)>& take) const {
  for (const Rect tile : tiles_of(want, networks_.tile_side(layer.k))) {
    take(tile, *networks_.codec(layer.k).plan_synthesis(layer.size(), unfiltered(networks_, layer, tile)));
  }
}

void LayerSynthesis::add_kernels(const SpatialLayer& layer, Rect want, bool reconstruct,
                                 std::vector<nn::KernelRequest>& kernels) const {
  const Rect latents = needed_blocks(networks_, layer, want).latents;
  for_hyper_tiles(networks_, layer, latents, [&](const CodecNetworks::HyperPlan& plan) {
    for (const auto& network : plan.plans()) network->add_kernels(kernels);
  });
  if (layer.k > 0) {
    const Liff::Geometry geometry = prediction_geometry(networks_.model(), layer.sizes, layer.k);
    for (const Rect tile : prediction_tiles(prediction_rect(networks_, layer, want))) {
      if (const auto plan = networks_.predictor().plan(geometry, tile)) plan->add_kernels(kernels);
    }
  }
  if (reconstruct) {
    for_tiles(layer, want, [&](Rect /*tile*/, const nn::Plan& plan) { plan.add_kernels(kernels); });
  }
}

}  // namespace compass
