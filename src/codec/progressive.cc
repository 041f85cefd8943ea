#include "codec/progressive.h"

#include <algorithm>
#include <utility>

#include "codec/any_size.h"
#include "codec/layer_streams.h"
#include "codec/memory_need.h"
#include "image/resize.h"

namespace compass {

Status Progressive::open(const DecodeSettings& settings) {
  settings_ = settings;
  runtime_.networks.set_prediction(settings.prediction);
  if (const auto status = receiver_.open(settings); !status) return status;
  const Received& received = receiver_.received();
  const MemoryQuestion question{
      .sizes = received.sizes.sizes, .top = received.asked, .bytes = true, .size = settings.size};
  const double alpha = received.alpha ? received.alpha->memory(settings.size) : 0.0;
  const double memory = decode_bytes(runtime_.networks, question, receiver_.wanted()) + alpha;
  return check_memory(memory, runtime_.options.max_memory, kOrLess);
}

LayerPart Progressive::part_of(int k) const {
  const std::vector<Size>& sizes = receiver_.received().sizes.sizes;
  const Rect part = part_of_layer(settings_, sizes, last(), k);
  return {k, part, settings_.size.value_or(part.size())};
}

Result<DecodedLayer> Progressive::decode_next(PixelSink* sink, const Progress& progress) {
  Meter& meter = runtime_.networks.meter();
  return meter.watch(progress, [&] {
    meter.set_total(static_cast<double>(receiver_.wanted()[next_].size().pixels()));
    auto decoded = decode(sink, next_ < last());
    if (decoded) meter.finish();
    return decoded;
  });
}

Result<ImageView> Progressive::decode_last() {
  while (next_ <= last()) {
    if (const auto decoded = decode(nullptr, true); !decoded) return decoded.error();
  }
  return std::move(below_);
}

Result<DecodedLayer> Progressive::decode(PixelSink* sink, bool keep) {
  DecodedLayer decoded{part_of(next_), {}};
  const auto latents = receive_next(decoded);
  if (!latents) return latents.error();
  reconstruct(*latents, sink, keep);
  ++next_;
  return decoded;
}

// The layer's symbols, from its bytes.
Result<LayerLatents> Progressive::receive_next(DecodedLayer& decoded) {
  std::vector<std::string>& damage = receiver_.damage();
  damage.clear();
  auto received = receiver_.receive_layer(next_);
  if (!received) return received.error();
  if (!*received) return Error{ErrorCode::kDamaged, damage.front()};
  const Rect wanted = receiver_.wanted()[next_];
  if (CodecRuntime::compiles_ahead(wanted.size())) {
    std::vector<nn::KernelRequest> kernels;
    runtime_.synthesis.add_kernels(layer(next_), wanted, true, kernels);
    runtime_.compile(kernels);
  }
  std::vector<ReceivedLayer> layers;
  layers.push_back(**std::move(received));
  auto latents = read_layers(runtime_.networks, runtime_.synthesis, receiver_.received().sizes,
                             std::move(layers), damage, next_);
  const std::optional<AlphaLayers>& alpha = receiver_.received().alpha;
  if (!latents.empty() && alpha && alpha->decode(next_ + 1, runtime_.pool, alpha_, damage) <= next_) {
    latents.clear();
  }
  if (latents.empty() || (settings_.strict && !damage.empty())) {
    return Error{ErrorCode::kDamaged, damage.front()};
  }
  decoded.damage = damage;
  return std::move(latents.front());
}

void Progressive::reconstruct(const LayerLatents& latents, PixelSink* sink, bool keep) {
  const Rect wanted = receiver_.wanted()[next_];
  const LayerPart shown = part_of(next_);
  LayerSynthesis& synthesis = runtime_.synthesis;
  std::optional<PredictionWindow> prediction;
  if (next_ > 0) {
    prediction.emplace(synthesis.predict(layer(next_), below_, wanted, PredictionWindow::Passed::kDiscarded));
  }
  PredictionWindow* const window = prediction ? &*prediction : nullptr;
  const bool resized = shown.size != shown.part.size();
  Plane scaled;
  if (sink != nullptr && !alpha_.empty()) {
    if (resized) scaled = resize(alpha_.view(), shown.size, &runtime_.pool);
    sink->set_alpha(resized ? scaled.view() : alpha_.view());
  }
  if (keep || (sink != nullptr && resized)) {
    ImageView picture = synthesis.reconstruct(layer(next_), latents, window, wanted);
    prediction.reset();
    below_ = std::move(picture);
    if (sink == nullptr) return;
    if (resized) {
      const auto passed = keep ? PredictionWindow::Passed::kMadeAgain : PredictionWindow::Passed::kDiscarded;
      give_picture(runtime_, at_size(runtime_, below_, shown.size, passed), whole(shown.size), *sink);
    } else {
      const Rect r = shown.part;
      give_picture(runtime_, below_.image, {r.x - wanted.x, r.y - wanted.y, r.width, r.height}, *sink);
    }
    return;
  }
  if (sink == nullptr) return;
  // The last layer goes to the sink as it is made.
  give_layer(runtime_, layer(next_), latents, window, wanted, *sink);
}

}  // namespace compass
