#include "codec/layer_analysis.h"

#include <algorithm>

#include "codec/latent_coder.h"
#include "codec/layer_synthesis.h"
#include "codec/search_constants.h"

namespace compass {
namespace {

// z positions a side of the tiles that h_a runs on.
constexpr int kHyperAnalysisSide = 32;

// Rows of a tile of latents to their place in the whole.
void put_tile(const Tensor& from, Rect tile, ThreadPool& pool, Tensor& whole) {
  const size_t count = static_cast<size_t>(tile.width) * whole.channels;
  for_rows(pool, tile.height,
           [&](int row) { std::copy_n(from.pixel(row, 0), count, whole.pixel(tile.y + row, tile.x)); });
}

}  // namespace

double pixels_of(const SpatialLayer& layer, Rect latents, Size all) {
  const auto part = static_cast<double>(latents.size().pixels()) / static_cast<double>(all.pixels());
  return part * static_cast<double>(layer.size().pixels());
}

int analysis_side(const PyramidNetworks& networks, const SpatialLayer& layer) {
  const int side =
      latents_a_side(networks.tile_side(layer.k), networks.latent_size(layer).width, layer.size().width);
  if (!networks.model().codec(codec_of_layer(layer.k)).trellis) return side;
  return (side + kTrellisBlock - 1) / kTrellisBlock * kTrellisBlock;
}

std::vector<Rect> analysis_tiles(const PyramidNetworks& networks, const SpatialLayer& layer) {
  return tiles_of(whole(networks.latent_size(layer)), analysis_side(networks, layer));
}

nn::MapView read_residual(const SpatialLayer& layer, const Original& original,
                          const PredictionWindow* prediction, Rect pixels, nn::Context& context,
                          Tensor& memory) {
  const nn::StageTimer timer(context.times(), "pyramid", 0.0);
  original.read(layer.size(), pixels, context.pool(), memory);
  if (prediction != nullptr) {
    for_rows(context.pool(), pixels.height, [&](int row) {
      float* x = memory.pixel(row, 0);
      const float* predicted = prediction->pixel(pixels.y + row, pixels.x);
      for (int i = 0; i < 3 * pixels.width; ++i) x[i] -= predicted[i];
    });
  }
  return nn::view_of(memory, pixels, layer.size());
}

Tensor LayerAnalysis::analyse(const SpatialLayer& layer, const Original& original,
                              PredictionWindow* prediction) {
  CodecNetworks& codec = networks_.codec(layer.k);
  nn::Context& context = networks_.context();
  const Size latent = networks_.latent_size(layer);
  Tensor y;
  y.reshape(codec.latent_channels(), latent.height, latent.width);
  for_tiles(layer, [&](const nn::Plan& plan) {
    const Rect pixels = united(plan.input, plan.prediction);
    const nn::MapView predicted = view_rows(prediction, pixels);
    const nn::MapView residual =
        read_residual(layer, original, prediction, pixels, context, buffers_.residual);
    codec.analyse(plan, residual, predicted, layer.rate, buffers_.output);
    put_tile(buffers_.output, plan.out, context.pool(), y);
    networks_.meter().advance(pixels_of(layer, plan.out, latent));
  });
  return y;
}

std::vector<int32_t> LayerAnalysis::quantise_hyper(const SpatialLayer& layer, const Tensor& y) {
  CodecNetworks& codec = networks_.codec(layer.k);
  const Size hyper = networks_.hyper_size(layer);
  std::vector<int32_t> z(static_cast<size_t>(hyper.pixels()) * codec.hyper_channels());
  for_hyper_tiles(layer, [&](const nn::Plan& plan) {
    codec.hyper_analyse(plan, y, buffers_.output);
    codec.quantise_hyper(buffers_.output, plan.out, hyper, z);
  });
  return z;
}

LayerLatents LayerAnalysis::quantise(const SpatialLayer& layer, Tensor y, Next next) {
  LayerLatents latents;
  latents.z = quantise_hyper(layer, y);
  latents.held = whole(networks_.latent_size(layer));
  latents.y.resize(y.size());
  latents.indexes.resize(y.size());
  if (next == Next::kSearch) latents.means.reshape(y.channels, y.height, y.width);
  const auto trellis = trellis_quantiser(networks_.model(), layer, y.width);
  const std::vector<float> weights(y.channels, static_cast<float>(kTrellisWeight));
  const auto take = [&](Rect tile, const HyperParameters& h) {
    copy_parameters(tile, h, latents, y);
    if (!trellis) {
      round_tile(tile, h.means, y, latents);
    } else if (next != Next::kSearch) {
      const size_t at = static_cast<size_t>(y.pixel(tile.y, tile.x) - y.data.data());
      const size_t stride = static_cast<size_t>(y.width) * y.channels;
      const size_t tile_stride = static_cast<size_t>(tile.width) * y.channels;
      trellis->run({tile.size(),
                    {h.indexes.data(), tile_stride},
                    {y.data.data() + at, stride},
                    {h.means.data.data(), tile_stride},
                    {latents.y.data() + at, stride},
                    {y.data.data() + at, stride}},
                   weights, networks_.context().pool(), buffers_.trellis);
    }
    if (next == Next::kCode) y.discard_rows(tile.y);
  };
  hyper_synthesise(networks_, layer, latents.z, latents.held, buffers_.hyper, take);
  if (next != Next::kCode) latents.y_hat = std::move(y);
  latents.coefficients.resize(coefficient_count(networks_.filter(layer.k), layer.size()));
  return latents;
}

void LayerAnalysis::copy_parameters(Rect tile, const HyperParameters& h, LayerLatents& latents,
                                    const Tensor& y) const {
  const size_t count = static_cast<size_t>(tile.width) * y.channels;
  for_rows(networks_.context().pool(), tile.height, [&](int row) {
    const size_t at = static_cast<size_t>(y.pixel(tile.y + row, tile.x) - y.data.data());
    std::copy_n(h.indexes.data() + row * count, count, latents.indexes.data() + at);
    if (latents.means.size() > 0) std::copy_n(h.means.pixel(row, 0), count, latents.means.data.data() + at);
  });
}

void LayerAnalysis::round_tile(Rect tile, const Tensor& means, Tensor& y, LayerLatents& latents) const {
  const size_t count = static_cast<size_t>(tile.width) * y.channels;
  for_rows(networks_.context().pool(), tile.height, [&](int row) {
    float* values = y.pixel(tile.y + row, tile.x);
    const size_t at = static_cast<size_t>(values - y.data.data());
    compass::quantise({values, count}, {means.pixel(row, 0), count}, {latents.y.data() + at, count});
  });
}

void LayerAnalysis::for_tiles(const SpatialLayer& layer, const TakePlan& take) const {
  for (const Rect tile : analysis_tiles(networks_, layer)) {
    take(*networks_.codec(layer.k).plan_analysis(layer.size(), tile));
  }
}

void LayerAnalysis::for_hyper_tiles(const SpatialLayer& layer, const TakePlan& take) const {
  for (const Rect tile : tiles_of(whole(networks_.hyper_size(layer)), kHyperAnalysisSide)) {
    take(*networks_.codec(layer.k).plan_hyper_analysis(layer.size(), tile));
  }
}

void LayerAnalysis::add_kernels(const SpatialLayer& layer, std::vector<nn::KernelRequest>& kernels) const {
  const auto add = [&](const nn::Plan& plan) { plan.add_kernels(kernels); };
  for_tiles(layer, add);
  for_hyper_tiles(layer, add);
}

}  // namespace compass
