#include "codec/decoder.h"

#include <algorithm>

#include "codec/layer_streams.h"
#include "codec/layer_synthesis.h"
#include "codec/receiver.h"
#include "codec/runtime.h"
#include "image/resize.h"

namespace compass {

struct Decoder::Parts : CodecRuntime {
  using CodecRuntime::CodecRuntime;

  Receiver receiver(ByteSource& source) { return {source, synthesis, networks, options}; }
  void reconstruct(const LayerSizes& layers, const std::vector<Rect>& wanted, const DecodeSettings& settings,
                   std::vector<LayerLatents>& latents, DecodedPicture& decoded);
  void to_size(ImageView& picture, Size size);
};

Decoder::Decoder(std::shared_ptr<const Model> model, CodecOptions options)
    : parts_(std::make_unique<Parts>(std::move(model), options)) {}
Decoder::~Decoder() = default;

// From the bottom up: prediction + g_s(y_hat).
void Decoder::Parts::reconstruct(const LayerSizes& layers, const std::vector<Rect>& wanted,
                                 const DecodeSettings& settings, std::vector<LayerLatents>& latents,
                                 DecodedPicture& decoded) {
  double pixels_total = 0.0;
  double pixels_done = 0.0;
  for (const Rect& r : wanted) pixels_total += static_cast<double>(r.size().pixels());
  const size_t top = latents.size() - 1;
  const bool resized = settings.size && *settings.size != layers.sizes[top];
  ImageView below;
  for (size_t k = 0; k <= top; ++k) {
    const SpatialLayer layer = layers.at(k);
    constexpr auto kDiscarded = PredictionWindow::Passed::kDiscarded;
    std::optional<PredictionWindow> prediction;
    if (k > 0) prediction.emplace(synthesis.predict(layer, below, wanted[k], kDiscarded));
    PredictionWindow* const window = prediction ? &*prediction : nullptr;
    if (k == top && settings.as_bytes && !resized) {
      decoded.rgb = Rgb8Image(wanted[k].size());
      synthesis.reconstruct(layer, latents[k], window, wanted[k], decoded.rgb);
    } else {
      ImageView picture = synthesis.reconstruct(layer, latents[k], window, wanted[k]);
      prediction.reset();
      below = std::move(picture);
    }
    latents[k] = {};
    pixels_done += static_cast<double>(wanted[k].size().pixels());
    if (settings.progress) settings.progress(pixels_done / pixels_total);
  }
  if (resized) to_size(below, *settings.size);
  if (!settings.as_bytes) {
    decoded.image = std::move(below.image);
  } else if (resized) {
    decoded.rgb = Rgb8Image(below.image.size());
    to_rgb8(below.image, decoded.rgb.bytes);
  }
}

// Resamples the top layer to the size asked for; above it LIFF's own prediction goes on: any resolution at
// all.
void Decoder::Parts::to_size(ImageView& picture, Size size) {
  const Size have = picture.image.size();
  if (!is_predicted(have, size, *model)) {
    picture = {resize(picture.image, size, &pool), whole(size)};
    return;
  }
  PredictionWindow prediction(networks.predictor(), picture, {have, size, size}, 0, size.width,
                              PredictionWindow::Passed::kDiscarded, std::min(kPredictionSide, size.height));
  Image larger = Image::unset(size);
  for (int top = 0; top < size.height; top += kPredictionSide) {
    const int bottom = std::min(top + kPredictionSide, size.height);
    prediction.move_to(top, bottom);
    for_rows(pool, bottom - top, [&](int row) {
      const float* in = prediction.pixel(top + row, 0);
      for (int c = 0; c < 3; ++c) {
        float* out = larger.row(c, top + row);
        for (int x = 0; x < size.width; ++x) out[x] = in[3 * x + c];
      }
    });
  }
  picture = {std::move(larger), whole(size)};
}

Result<std::vector<ByteRange>> Decoder::byte_ranges(ByteSource& source, const DecodeSettings& settings) {
  parts_->networks.set_prediction(settings.prediction);
  return parts_->receiver(source).ranges(settings);
}

Result<DecodedPicture> Decoder::decode(ByteSource& source, const DecodeSettings& settings) {
  Parts& p = *parts_;
  p.networks.set_prediction(settings.prediction);
  auto received = p.receiver(source).receive(settings);
  if (!received) return received.error();
  if (received->layers.empty()) return Error{ErrorCode::kDamaged, received->damage.front()};
  const LayerSizes& layers = received->sizes;
  const auto parts_up_to = [&](int top) {
    return wanted_parts(p.synthesis, layers, top,
                        part_of_layer(settings, layers.sizes, received->asked, top));
  };
  const int expected = static_cast<int>(received->layers.size()) - 1;
  std::vector<Rect> wanted = parts_up_to(expected);
  if (Parts::compiles_ahead(wanted[expected].size())) {
    std::vector<nn::KernelRequest> kernels;
    for (int k = 0; k <= expected; ++k) p.synthesis.add_kernels(layers.at(k), wanted[k], true, kernels);
    p.compile(kernels);
  }

  std::vector<LayerLatents> latents =
      read_layers(p.networks, p.synthesis, layers, std::move(received->layers), received->damage);
  DecodedPicture decoded;
  if (received->alpha) {
    const int count = static_cast<int>(latents.size());
    latents.resize(received->alpha->decode(count, p.pool, decoded.alpha, received->damage));
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
  p.reconstruct(layers, wanted, settings, latents, decoded);
  if (received->alpha && settings.size) {
    decoded.alpha = resize(decoded.alpha.view(), *settings.size, &p.pool);
  }
  return decoded;
}

}  // namespace compass
