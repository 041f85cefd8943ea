#include "codec/decoder.h"

#include <algorithm>

#include "codec/any_size.h"
#include "codec/layer_streams.h"
#include "codec/layer_synthesis.h"
#include "codec/pixel_sink.h"
#include "codec/receiver.h"
#include "codec/runtime.h"
#include "image/resize.h"

namespace compass {

struct Decoder::Parts : CodecRuntime {
  using CodecRuntime::CodecRuntime;

  Receiver receiver(ByteSource& source) { return {source, synthesis, networks, options}; }
  void reconstruct(const LayerSizes& layers, const std::vector<Rect>& wanted, const DecodeSettings& settings,
                   std::vector<LayerLatents>& latents, DecodedPicture& decoded);
  Result<DecodedPicture> decode(ByteSource& source, const DecodeSettings& settings);
};

Decoder::Decoder(std::shared_ptr<const Model> model, CodecOptions options)
    : parts_(std::make_unique<Parts>(std::move(model), options)) {}
Decoder::~Decoder() = default;

// From the bottom up: prediction + g_s(y_hat).
void Decoder::Parts::reconstruct(const LayerSizes& layers, const std::vector<Rect>& wanted,
                                 const DecodeSettings& settings, std::vector<LayerLatents>& latents,
                                 DecodedPicture& decoded) {
  double pixels = 0.0;
  for (const Rect& r : wanted) pixels += static_cast<double>(r.size().pixels());
  networks.meter().set_total(pixels);
  const size_t top = latents.size() - 1;
  const bool resized = settings.size && *settings.size != layers.sizes[top];
  const bool to_sink = settings.make_sink != nullptr;
  const Size size = resized ? *settings.size : wanted[top].size();
  if (decoded.alpha.size != size && !decoded.alpha.empty()) {
    decoded.alpha = resize(decoded.alpha.view(), size, &pool);
  }
  std::unique_ptr<PixelSink> sink;
  if (to_sink) {
    sink = settings.make_sink(decoded, size);
    if (!decoded.alpha.empty()) sink->set_alpha(decoded.alpha.view());
  }
  ImageView below;
  for (size_t k = 0; k <= top; ++k) {
    const SpatialLayer layer = layers.at(k);
    constexpr auto kDiscarded = PredictionWindow::Passed::kDiscarded;
    std::optional<PredictionWindow> prediction;
    if (k > 0) prediction.emplace(synthesis.predict(layer, below, wanted[k], kDiscarded));
    PredictionWindow* const window = prediction ? &*prediction : nullptr;
    if (k == top && to_sink && !resized) {
      give_layer(*this, layer, latents[k], window, wanted[k], *sink);
    } else if (k == top && settings.as_bytes && !resized) {
      decoded.rgb = Rgb8Image(wanted[k].size());
      synthesis.reconstruct(layer, latents[k], window, wanted[k], decoded.rgb);
    } else {
      ImageView picture = synthesis.reconstruct(layer, latents[k], window, wanted[k]);
      prediction.reset();
      below = std::move(picture);
    }
    latents[k] = {};
  }
  if (resized) {
    below.image = at_size(*this, below, size, PredictionWindow::Passed::kDiscarded);
  }
  if (to_sink) {
    if (resized) give_picture(*this, below.image, whole(size), *sink);
  } else if (!settings.as_bytes) {
    decoded.image = std::move(below.image);
  } else if (resized) {
    decoded.rgb = Rgb8Image(below.image.size());
    to_rgb8(below.image, decoded.rgb.samples);
  }
}

CodecRuntime& Decoder::runtime() {
  return *parts_;
}

Result<std::vector<ByteRange>> Decoder::byte_ranges(ByteSource& source, const DecodeSettings& settings) {
  parts_->networks.set_prediction(settings.prediction);
  return parts_->receiver(source).ranges(settings);
}

Result<DecodedPicture> Decoder::decode(ByteSource& source, const DecodeSettings& settings) {
  return parts_->networks.meter().watch(settings.progress, [&] { return parts_->decode(source, settings); });
}

Result<DecodedPicture> Decoder::Parts::decode(ByteSource& source, const DecodeSettings& settings) {
  networks.set_prediction(settings.prediction);
  auto received = receiver(source).receive(settings);
  if (!received) return received.error();
  if (received->layers.empty()) return Error{ErrorCode::kDamaged, received->damage.front()};
  const LayerSizes& layers = received->sizes;
  const auto parts_up_to = [&](int top) {
    return wanted_parts(synthesis, layers, top, part_of_layer(settings, layers.sizes, received->asked, top));
  };
  const int expected = static_cast<int>(received->layers.size()) - 1;
  std::vector<Rect> wanted = parts_up_to(expected);
  if (compiles_ahead(wanted[expected].size())) {
    std::vector<nn::KernelRequest> kernels;
    for (int k = 0; k <= expected; ++k) synthesis.add_kernels(layers.at(k), wanted[k], true, kernels);
    compile(kernels);
  }

  std::vector<LayerLatents> latents =
      read_layers(networks, synthesis, layers, std::move(received->layers), received->damage);
  DecodedPicture decoded;
  if (received->alpha) {
    const int count = static_cast<int>(latents.size());
    latents.resize(received->alpha->decode(count, pool, decoded.alpha, received->damage));
  }
  if (latents.empty() || (settings.strict && !received->damage.empty())) {
    return Error{ErrorCode::kDamaged, received->damage.front()};
  }
  decoded.kinds = received->header.kinds;
  decoded.damage = std::move(received->damage);
  decoded.metadata = std::move(received->metadata);
  decoded.layer = static_cast<int>(latents.size()) - 1;
  if (decoded.layer < expected) {  // its symbols were damaged
    wanted = parts_up_to(decoded.layer);
  }
  decoded.part = wanted.back();
  reconstruct(layers, wanted, settings, latents, decoded);
  networks.meter().finish();
  return decoded;
}

}  // namespace compass
