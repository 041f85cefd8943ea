#include "networks/networks.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "entropy/gaussian_tables.h"
#include "graph/geometry.h"

namespace compass {
namespace {

using nn::Network;
using nn::StageTimer;

constexpr int32_t kMaxSymbolMagnitude = int32_t{1} << 24;  // beyond it floats skip integers

// The process is taken to be in the default rounding mode. Adding and subtracting 1.5 * 2^23 rounds a smaller
// float to an integer without a call; from 2^22 on nearbyint does it.
int32_t round_symbol(float x) {
  constexpr float kMagic = 12582912.0F;
  if (std::abs(x) < 4194304.0F) return static_cast<int32_t>((x + kMagic) - kMagic);
  if (!(std::abs(x) < static_cast<float>(kMaxSymbolMagnitude))) {
    return std::isnan(x) ? 0 : x > 0.0F ? kMaxSymbolMagnitude : -kMaxSymbolMagnitude;
  }
  return static_cast<int32_t>(std::nearbyint(x));
}

// The part of a [h,w,C] symbol array inside `part`, each value passed through `value(symbol, channel)`.
template <typename F>
Tensor part_of(std::span<const int32_t> symbols, int channels, Size size, Rect part, const F& value) {
  Tensor out(channels, part.height, part.width);
  for (int y = 0; y < part.height; ++y) {
    const int32_t* from = symbols.data() + (static_cast<size_t>(part.y + y) * size.width + part.x) * channels;
    float* to = out.pixel(y, 0);
    for (int i = 0; i < part.width; ++i) {
      for (int c = 0; c < channels; ++c) *to++ = value(*from++, c);
    }
  }
  return out;
}

}  // namespace

CodecNetworks::CodecNetworks(std::shared_ptr<const Model> model, CodecKind kind, nn::Context& context)
    : model_(std::move(model)),
      codec_(model_->codec(kind)),
      weights_(model_->weights(kind)),
      context_(context),
      g_a_(context, Network::Role::kAnalysis, codec_.g_a, weights_.g_a, codec_.g_a),
      g_s_(context, Network::Role::kSynthesis, codec_.g_s, weights_.g_s, codec_.g_a),
      h_a_(context, Network::Role::kAnalysis, codec_.h_a, weights_.h_a, codec_.h_a),
      h_s_(context, Network::Role::kSynthesis, codec_.h_s, weights_.h_s, codec_.h_a) {
  conditional_ = g_a_.sees_prediction() || g_s_.sees_prediction();
  if (!codec_.h_scales.empty()) {
    h_scales_.emplace(context, Network::Role::kSynthesis, codec_.h_scales, weights_.h_scales, codec_.h_a);
  }
}

CodecNetworks::~CodecNetworks() = default;

Size CodecNetworks::latent_size(Size picture) const {
  return nn::analysis_size(codec_.g_a, picture);
}

Size CodecNetworks::hyper_size(Size picture) const {
  return nn::analysis_size(codec_.h_a, latent_size(picture));
}

Tensor CodecNetworks::analyse(const Tensor& x, const Tensor* prediction, float rate) {
  const Size picture{x.width, x.height};
  return analyse(x, prediction, rate, picture, whole(latent_size(picture)));
}

Tensor CodecNetworks::analyse(const Tensor& x, const Tensor* prediction, float rate, Size picture, Rect out) {
  // Where g_a looks at the prediction it is handed the same part of it as of x.
  const Rect part = analysis_footprint(picture, out);
  Tensor y;
  analyse({&x, part}, {prediction, part}, rate, picture, out, y);
  return y;
}

void CodecNetworks::analyse(const HeldMap& x, const HeldMap& prediction, float rate, Size picture, Rect out,
                            Tensor& y) {
  const StageTimer timer(context_.times(), "g_a", g_a_.macs(out, picture));
  g_a_.run({.x = x.map,
            .x_part = x.part,
            .prediction = prediction.map,
            .prediction_part = prediction.part,
            .rate = rate},
           picture, out, y);
}

Rect CodecNetworks::analysis_footprint(Size picture, Rect out) const {
  return united(g_a_.footprint(picture, out), g_a_.prediction_footprint(picture, out));
}

Tensor CodecNetworks::hyper_analyse(const Tensor& y) {
  Tensor z;
  hyper_analyse(y, whole(h_a_.output_size({y.width, y.height})), z);
  return z;
}

void CodecNetworks::hyper_analyse(const Tensor& y, Rect out, Tensor& z) {
  const Size latent{y.width, y.height};
  const StageTimer timer(context_.times(), "h_a", h_a_.macs(out, latent));
  h_a_.run({.x = &y, .x_part = whole(latent)}, latent, out, z);
}

std::vector<int32_t> CodecNetworks::quantise_hyper(const Tensor& z) const {
  std::vector<int32_t> symbols(z.size());
  const Size size{z.width, z.height};
  quantise_hyper(z, whole(size), size, symbols);
  return symbols;
}

void CodecNetworks::quantise_hyper(const Tensor& z, Rect part, Size hyper, std::span<int32_t> symbols) const {
  const int channels = z.channels;
  for (int row = 0; row < part.height; ++row) {
    const float* from = z.pixel(row, 0);
    int32_t* to = symbols.data() + (static_cast<size_t>(part.y + row) * hyper.width + part.x) * channels;
    for (int col = 0; col < part.width; ++col) {
      for (int c = 0; c < channels; ++c) *to++ = round_symbol(*from++ - weights_.medians[c]);
    }
  }
}

HyperParameters CodecNetworks::hyper_synthesise(std::span<const int32_t> z_symbols, Size picture) {
  return hyper_synthesise(z_symbols, picture, whole(latent_size(picture)));
}

HyperParameters CodecNetworks::hyper_synthesise(std::span<const int32_t> z_symbols, Size picture, Rect out) {
  HyperParameters result;
  hyper_synthesise(z_symbols, picture, out, result);
  return result;
}

void CodecNetworks::hyper_synthesise(std::span<const int32_t> z_symbols, Size picture, Rect out,
                                     HyperParameters& result) {
  const Size latent = latent_size(picture);
  const Size hyper = hyper_size(picture);
  const int channels = hyper_channels();
  const int m = latent_channels();
  assert(z_symbols.size() == static_cast<size_t>(hyper.pixels()) * channels);
  const StageTimer timer(context_.times(), "h_s",
                         h_s_.macs(out, latent) + (h_scales_ ? h_scales_->macs(out, latent) : 0.0));
  const Rect part = h_s_.footprint(latent, out);
  const Tensor z_hat = part_of(z_symbols, channels, hyper, part, [&](int32_t symbol, int c) {
    return static_cast<float>(symbol) + weights_.medians[c];
  });
  const size_t count = static_cast<size_t>(out.size().pixels()) * m;
  result.indexes.resize(count);
  if (h_scales_) {
    h_s_.run({.x = &z_hat, .x_part = part}, latent, out, result.means);
    const Rect scales_part = h_scales_->footprint(latent, out);
    const Tensor symbols = part_of(z_symbols, channels, hyper, scales_part, [](int32_t symbol, int) {
      return static_cast<float>(std::clamp(symbol, -nn::kMaxHyperSymbol, nn::kMaxHyperSymbol));
    });
    const Tensor indexes = h_scales_->run({.x = &symbols, .x_part = scales_part}, latent, out);
    for (size_t i = 0; i < count; ++i) result.indexes[i] = static_cast<uint8_t>(indexes.data[i]);
    return;
  }
  // The paper's h_s: [scales; means] by channel.
  const Tensor hs_out = h_s_.run({.x = &z_hat, .x_part = part}, latent, out);
  result.scales.reshape(m, out.height, out.width);
  result.means.reshape(m, out.height, out.width);
  for (int64_t p = 0; p < out.size().pixels(); ++p) {
    const float* from = hs_out.data.data() + p * 2 * m;
    std::copy_n(from, m, result.scales.data.data() + p * m);
    std::copy_n(from + m, m, result.means.data.data() + p * m);
  }
  for (size_t i = 0; i < count; ++i)
    result.indexes[i] = static_cast<uint8_t>(scale_index(result.scales.data[i]));
}

Tensor CodecNetworks::synthesise(const Tensor& y_hat, const Tensor* prediction, float rate, Size picture) {
  return synthesise(y_hat, prediction, rate, picture, whole(picture));
}

Tensor CodecNetworks::synthesise(const Tensor& y_hat, const Tensor* prediction, float rate, Size picture,
                                 Rect out) {
  const SynthesisFootprint footprint = synthesis_footprint(picture, out);
  Tensor x_hat;
  synthesise({&y_hat, footprint.latents}, {prediction, footprint.prediction}, rate, picture, out, x_hat);
  return x_hat;
}

void CodecNetworks::synthesise(const HeldMap& y_hat, const HeldMap& prediction, float rate, Size picture,
                               Rect out, Tensor& x_hat, nn::Trace* trace) {
  const StageTimer timer(context_.times(), "g_s", g_s_.macs(out, picture));
  g_s_.run({.x = y_hat.map,
            .x_part = y_hat.part,
            .prediction = prediction.map,
            .prediction_part = prediction.part,
            .rate = rate,
            .trace = trace},
           picture, out, x_hat);
}

bool CodecNetworks::make_adjoint() {
  if (adjoint_) return true;
  auto adjoint = nn::adjoint_of(codec_.g_s, weights_.g_s);
  if (!adjoint) return false;
  // A network looks at its layers where they are: moving the vectors leaves them there.
  nn::Network network(context_, Network::Role::kAdjoint, adjoint->layers, adjoint->weights, adjoint->layers);
  adjoint_ = std::make_unique<WayBack>(WayBack{*std::move(adjoint), std::move(network)});
  return true;
}

void CodecNetworks::pull_back(const HeldMap& weights, const nn::Trace& trace, float rate, Size picture,
                              Rect out, Tensor& dy) {
  nn::Network& network = adjoint_->network;
  const StageTimer timer(context_.times(), "pull back", network.macs(out, picture));
  network.run({.x = weights.map, .x_part = weights.part, .rate = rate, .passed = &trace}, picture, out, dy);
}

CodecNetworks::SynthesisFootprint CodecNetworks::synthesis_footprint(Size picture, Rect out) const {
  return {g_s_.footprint(picture, out), g_s_.prediction_footprint(picture, out)};
}

void CodecNetworks::prepare_hyper_synthesise(Size picture, Rect out) {
  const Size latent = latent_size(picture);
  h_s_.prepare(latent, out);
  if (h_scales_) h_scales_->prepare(latent, out);
}

double CodecNetworks::tile_bytes(int side) const {
  const Size picture{side, side};
  return std::max(g_a_.map_bytes(picture, whole(latent_size(picture))),
                  g_s_.map_bytes(picture, whole(picture)));
}

CodecNetworks::Cost CodecNetworks::cost(Size picture) const {
  const Size latent = latent_size(picture);
  const Rect latents = whole(latent);
  return {.g_a = g_a_.macs(latents, picture),
          .g_s = g_s_.macs(whole(picture), picture),
          .h_a = h_a_.macs(whole(hyper_size(picture)), latent),
          .h_s = h_s_.macs(latents, latent) + (h_scales_ ? h_scales_->macs(latents, latent) : 0.0)};
}

std::vector<int32_t> quantise(const Tensor& y, const Tensor& means) {
  std::vector<int32_t> symbols(y.size());
  for (size_t i = 0; i < symbols.size(); ++i) symbols[i] = round_symbol(y.data[i] - means.data[i]);
  return symbols;
}

Tensor dequantise(std::span<const int32_t> symbols, const Tensor& means) {
  Tensor y_hat(means.channels, means.height, means.width);
  for (size_t i = 0; i < symbols.size(); ++i) y_hat.data[i] = static_cast<float>(symbols[i]) + means.data[i];
  return y_hat;
}

void quantise(std::span<float> y, std::span<const float> means, std::span<int32_t> symbols) {
  for (size_t i = 0; i < y.size(); ++i) {
    symbols[i] = round_symbol(y[i] - means[i]);
    y[i] = static_cast<float>(symbols[i]) + means[i];
  }
}

}  // namespace compass
