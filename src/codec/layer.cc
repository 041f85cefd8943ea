#include "codec/layer.h"

#include <algorithm>

namespace compass {
namespace {

// Tiles are as large as keeps a tile's largest maps below kTileBytes, within these bounds: the larger, the
// less the halos cost.
constexpr int kLargestSide = 2048;
constexpr int kSmallestSide = 512;
constexpr double kTileBytes = 512.0 * (1 << 20);

// z positions a side for h_a.
constexpr int kHyperAnalysisSide = 32;

int side_for(const CodecNetworks& networks) {
  int side = kLargestSide;
  while (side > kSmallestSide && networks.tile_bytes(side) > kTileBytes) side /= 2;
  return side;
}

}  // namespace

LayerNetworks::LayerNetworks(std::shared_ptr<const Model> model, nn::Context& context)
    : model_(std::move(model)), context_(context), base_(model_, CodecKind::kBase, context) {
  base_side_ = side_for(base_);
  if (!model_->layered()) return;
  enhancement_ = std::make_unique<CodecNetworks>(model_, CodecKind::kEnhancement, context);
  enhancement_side_ = side_for(*enhancement_);
  predictor_ = std::make_unique<Predictor>(model_, context);
}

PredictionWindow LayerNetworks::window(const Place& place, Patch& below, Rect want,
                                       PredictionWindow::Passed passed) {
  const Rect columns = prediction_rect(place, want);
  return {*predictor_,
          below,
          prediction_geometry(*model_, place.sizes, place.k),
          columns.x,
          columns.x + columns.width,
          passed,
          window_rows(place.k, columns.height, passed == PredictionWindow::Passed::kKept)};
}

int LayerNetworks::window_rows(int k, int height, bool kept) const {
  return kept ? height : std::min(height, tile_side(k) + kHalo);
}

std::vector<Rect> LayerNetworks::analysis_tiles(const Place& place) const {
  const Size latent = latent_size(place);
  return tiles_of(whole(latent), latents_a_side(tile_side(place.k), latent.width, place.size().width));
}

void LayerNetworks::read_residual(const Place& place, const Original& original, PredictionWindow* prediction,
                                  Rect pixels) {
  const nn::StageTimer timer(context_.times(), "pyramid", 0.0);
  original.read(place.size(), pixels, context_.pool(), x_);
  if (prediction == nullptr) return;
  for_rows(context_.pool(), pixels.height, [&](int row) {
    float* x = x_.pixel(row, 0);
    const float* predicted = prediction->pixel(pixels.y + row, pixels.x);
    for (int i = 0; i < 3 * pixels.width; ++i) x[i] -= predicted[i];
  });
}

Tensor LayerNetworks::analyse(const Place& place, const Original& original, PredictionWindow* prediction) {
  auto& networks = codec(place.k);
  const Size latent = networks.latent_size(place.size());
  Tensor y;
  y.reshape(networks.latent_channels(), latent.height, latent.width);
  for (const Rect tile : analysis_tiles(place)) {
    const Rect pixels = networks.analysis_footprint(place.size(), tile);
    HeldMap held;
    if (prediction != nullptr) {
      prediction->move_to(pixels.y, pixels.y + pixels.height);
      held = prediction->held();
    }
    read_residual(place, original, prediction, pixels);
    networks.analyse({&x_, pixels}, held, place.rate, place.size(), tile, tile_);
    for_rows(context_.pool(), tile.height, [&](int row) {
      std::copy_n(tile_.pixel(row, 0), static_cast<size_t>(tile.width) * y.channels,
                  y.pixel(tile.y + row, tile.x));
    });
  }
  return y;
}

void LayerNetworks::hyper_synthesise(const Place& place, std::span<const int32_t> z,
                                     const std::function<void(Rect, const HyperParameters&)>& take) {
  auto& networks = codec(place.k);
  for (const Rect tile : tiles_of(whole(networks.latent_size(place.size())), kHyperSide)) {
    networks.hyper_synthesise(z, place.size(), tile, hyper_);
    take(tile, hyper_);
  }
}

LayerLatents LayerNetworks::quantise(const Place& place, Tensor y, Next next) {
  auto& networks = codec(place.k);
  const Size hyper = networks.hyper_size(place.size());
  LayerLatents latents;
  latents.z.resize(static_cast<size_t>(hyper.pixels()) * networks.hyper_channels());
  for (const Rect tile : tiles_of(whole(hyper), kHyperAnalysisSide)) {
    networks.hyper_analyse(y, tile, tile_);
    networks.quantise_hyper(tile_, tile, hyper, latents.z);
  }
  latents.y.resize(y.size());
  latents.indexes.resize(y.size());
  if (next == Next::kSearch) latents.means.reshape(y.channels, y.height, y.width);
  hyper_synthesise(place, latents.z, [&](Rect tile, const HyperParameters& h) {
    const size_t count = static_cast<size_t>(tile.width) * y.channels;
    for_rows(context_.pool(), tile.height, [&](int row) {
      float* values = y.pixel(tile.y + row, tile.x);
      const size_t at = static_cast<size_t>(values - y.data.data());
      std::copy_n(h.indexes.data() + row * count, count, latents.indexes.data() + at);
      if (next == Next::kSearch) std::copy_n(h.means.pixel(row, 0), count, latents.means.data.data() + at);
      compass::quantise({values, count}, {h.means.pixel(row, 0), count}, {latents.y.data() + at, count});
    });
    if (next == Next::kCode) y.discard_rows(tile.y);
  });
  if (next != Next::kCode) latents.y_hat = std::move(y);
  latents.steps.resize(filter_steps(filter(place.k), place.size()));
  return latents;
}

LayerLatents LayerNetworks::hyper_synthesise(const Place& place, std::vector<int32_t> z) {
  const Size latent = latent_size(place);
  LayerLatents latents;
  latents.z = std::move(z);
  latents.y_hat.reshape(codec(place.k).latent_channels(), latent.height, latent.width);
  latents.indexes.resize(latents.y_hat.size());
  hyper_synthesise(place, latents.z, [&](Rect tile, const HyperParameters& h) {
    const size_t count = static_cast<size_t>(tile.width) * latents.y_hat.channels;
    for_rows(context_.pool(), tile.height, [&](int row) {
      float* values = latents.y_hat.pixel(tile.y + row, tile.x);
      std::copy_n(h.means.pixel(row, 0), count, values);
      std::copy_n(h.indexes.data() + row * count, count,
                  latents.indexes.data() + (values - latents.y_hat.data.data()));
    });
  });
  return latents;
}

Rect LayerNetworks::unfiltered(const Place& place, Rect tile) const {
  if (filter(place.k).empty()) return tile;
  return grown(tile, kFilterHalo + 1, place.size());
}

void LayerNetworks::reconstruct(const Place& place, const LayerLatents& latents, PredictionWindow* prediction,
                                Rect want, const EmitRow& emit) {
  auto& networks = codec(place.k);
  const Tensor& y_hat = latents.y_hat;
  const HeldMap held_latents{&y_hat, whole({y_hat.width, y_hat.height})};
  for (const Rect tile : tiles_of(want, tile_side(place.k))) {
    const Rect made = unfiltered(place, tile);
    HeldMap held;
    if (prediction != nullptr) {
      const Rect seen = prediction_rect(place, tile);
      prediction->move_to(seen.y, seen.y + seen.height);
      held = prediction->held();
    }
    networks.synthesise(held_latents, held, place.rate, place.size(), made, tile_);
    emit_tile(place, tile, made, held, latents.steps, emit);
  }
}

FilterBand::ReadRow LayerNetworks::unfiltered_rows(Rect made, const HeldMap& prediction) const {
  return [this, made, prediction](int y, int x, int count, const PlaneRows& rows) {
    const float* in = tile_.pixel(y - made.y, x - made.x);
    const float* p = nullptr;
    if (prediction.map != nullptr) p = prediction.map->pixel(y - prediction.part.y, x - prediction.part.x);
    for (int c = 0; c < 3; ++c) {
      float* out = rows[c];
      if (p == nullptr) {
        for (int i = 0; i < count; ++i) out[i] = in[3 * i + c];
      } else {
        for (int i = 0; i < count; ++i) out[i] = in[3 * i + c] + p[3 * i + c];
      }
    }
  };
}

void LayerNetworks::emit_tile(const Place& place, Rect tile, Rect made, const HeldMap& prediction,
                              std::span<const int32_t> steps, const EmitRow& emit) {
  if (!filter(place.k).empty()) {
    correct_rows(place, tile, made, prediction, steps, [&](const FilterBand& band, const PlaneRows& rows) {
      for (int c = 0; c < 3; ++c) {
        const float* sample = band.sample(c);
        for (int x = 0; x < tile.width; ++x) rows[c][x] += sample[x];
      }
      emit(band.row().y, tile.x, tile.width, rows);
    });
    return;
  }
  const FilterBand::ReadRow read = unfiltered_rows(made, prediction);
  filter_buffers_.resize(context_.pool().threads());
  context_.pool().parallel_for(tile.height, [&](int row, int worker) {
    const PlaneRows rows = filter_buffers_[worker].rows_of(tile.width);
    read(tile.y + row, tile.x, tile.width, rows);
    emit(tile.y + row, tile.x, tile.width, rows);
  });
}

void LayerNetworks::correct_rows(const Place& place, Rect part, Rect made, const HeldMap& prediction,
                                 std::span<const int32_t> steps, const TakeCorrections& take) {
  if (part.width == 0 || part.height == 0) return;
  const nn::StageTimer timer(context_.times(), "filter",
                             kFilterWeights * static_cast<double>(part.size().pixels()));
  const FilterBand::ReadRow read = unfiltered_rows(made, prediction);
  const LayerFilter layer_filter(filter(place.k), steps, place.size(), part);
  filter_buffers_.resize(context_.pool().threads());
  context_.pool().parallel_for((part.height + kBandRows - 1) / kBandRows, [&](int i, int worker) {
    auto& buffers = filter_buffers_[worker];
    const PlaneRows rows = buffers.rows_of(part.width);
    const int top = part.y + i * kBandRows;
    const int bottom = std::min(top + kBandRows, part.y + part.height);
    buffers.band.load({part.x, top, part.width, bottom - top}, place.size(), read);
    for (int y = top; y < bottom; ++y) {
      buffers.band.look_at(y);
      for (int c = 0; c < 3; ++c) layer_filter.correct(buffers.band, c, rows[c]);
      take(buffers.band, rows);
    }
  });
}

Patch LayerNetworks::reconstruct(const Place& place, const LayerLatents& latents,
                                 PredictionWindow* prediction, Rect want) {
  Patch result{Image::unset(want.size()), want};
  reconstruct(place, latents, prediction, want, [&](int y, int x, int count, const PlaneRows& samples) {
    for (int c = 0; c < 3; ++c)
      std::copy_n(samples[c], count, result.image.row(c, y - want.y) + (x - want.x));
  });
  return result;
}

void LayerNetworks::reconstruct(const Place& place, const LayerLatents& latents, PredictionWindow* prediction,
                                Rect want, Rgb8Image& result) {
  reconstruct(place, latents, prediction, want, [&](int y, int x, int count, const PlaneRows& samples) {
    uint8_t* out = result.row(y - want.y) + 3 * static_cast<size_t>(x - want.x);
    for (int i = 0; i < count; ++i) {
      for (int c = 0; c < 3; ++c) out[3 * i + c] = byte_of_sample(samples[c][i]);
    }
  });
}

double LayerNetworks::prediction_bytes(Size below, Size target, Size tile) const {
  const LiffDescription& liff = *model_->description().liff;
  const double channels = nn::pad_channels(liff.g0) * (liff.blocks + 2.0) +
                          static_cast<double>(nn::pad_channels(liff.growth)) * liff.convs;
  const double halo = 2.0 * (4 + liff.blocks * liff.convs);
  const auto sources = [halo](int from, int to, int piece) {
    return std::min<double>(from, halo + static_cast<double>(piece) * from / to);
  };
  const double features =
      sources(below.width, target.width, tile.width) * sources(below.height, target.height, tile.height);
  return features * (channels * static_cast<double>(nn::element_size(context_.compute())) + 12.0) +
         36.0 * static_cast<double>(tile.pixels());
}

Rect LayerNetworks::prediction_rect(const Place& place, Rect want) const {
  const Rect made = unfiltered(place, want);
  return united(made, codec(place.k).synthesis_footprint(place.size(), made).prediction);
}

Rect LayerNetworks::below_footprint(const Place& place, Rect want) const {
  return predictor_->footprint(prediction_geometry(*model_, place.sizes, place.k),
                               prediction_rect(place, want));
}

void LayerNetworks::prepare_encode(const Place& place, bool reconstruct, bool search) {
  auto& networks = codec(place.k);
  const Size size = place.size();
  for (const Rect tile : analysis_tiles(place)) networks.prepare_analyse(size, tile);
  for (const Rect tile : tiles_of(whole(networks.hyper_size(size)), kHyperAnalysisSide)) {
    networks.prepare_hyper_analyse(size, tile);
  }
  prepare_both_ways(place, whole(size), reconstruct);
  if (!search) return;
  std::vector<Rect> tiles = analysis_tiles(place);
  tiles.push_back(probed_part(tiles.front()));
  for (const Rect tile : tiles) {
    networks.prepare_synthesise(size, networks.pull_back_footprint(size, tile));
    networks.prepare_pull_back(size, tile);
  }
}

void LayerNetworks::prepare_decode(const Place& place, Rect want) {
  prepare_both_ways(place, want, true);
}

void LayerNetworks::prepare_both_ways(const Place& place, Rect want, bool synthesis) {
  auto& networks = codec(place.k);
  const Size size = place.size();
  for (const Rect tile : tiles_of(whole(networks.latent_size(size)), kHyperSide)) {
    networks.prepare_hyper_synthesise(size, tile);
  }
  if (place.k > 0) {
    const Liff::Geometry geometry = prediction_geometry(*model_, place.sizes, place.k);
    for (const Rect tile : tiles_of(prediction_rect(place, want), kPredictionSide)) {
      predictor_->prepare(geometry, tile);
    }
  }
  if (!synthesis) return;
  for (const Rect tile : tiles_of(want, tile_side(place.k))) {
    networks.prepare_synthesise(size, unfiltered(place, tile));
  }
}

}  // namespace compass
