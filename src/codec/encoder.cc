#include "codec/encoder.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "codec/layer.h"
#include "codec/memory_need.h"
#include "entropy/layer_coder.h"
#include "image/psnr.h"
#include "nn/context.h"

namespace compass {
namespace {

// Pictures up to this size have their kernels and weights prepared ahead, on all threads; in larger ones most
// tiles are alike, and the few kernels made on the way do not count.
constexpr int64_t kPrepareAllPixels = int64_t{4} << 20;

}  // namespace

struct Encoder::Parts {
  Parts(std::shared_ptr<const Model> m, const CodecOptions& o)
      : model(std::move(m)),
        options(o),
        pool(o.threads),
        context(pool, o.precision),
        networks(model, context) {
    context.set_times(options.times);
  }

  Status check(Size picture, const EncodeSettings& settings) const;
  Result<EncodedPicture> encode(const Original& picture, bool bytes, const EncodeSettings& settings);
  Result<EncodedLayer> encode_layer(const LayerNetworks::Place& place, const Original& picture,
                                    const EncodeSettings& settings, Patch& below, ContainerContents& contents,
                                    EncodedPicture& encoded);

  std::shared_ptr<const Model> model;
  CodecOptions options;
  ThreadPool pool;
  nn::Context context;
  LayerNetworks networks;
};

Encoder::Encoder(std::shared_ptr<const Model> model, CodecOptions options)
    : parts_(std::make_unique<Parts>(std::move(model), options)) {}
Encoder::~Encoder() = default;

Status Encoder::Parts::check(Size picture, const EncodeSettings& settings) const {
  const auto& sizes = settings.sizes;
  if (sizes.empty() || sizes.size() > kMaxLayerCount) {
    return Error{ErrorCode::kUsage,
                 fmt::format("{} layers: a file holds 1 to {}", sizes.size(), kMaxLayerCount)};
  }
  if (sizes.back() != picture) {
    return Error{ErrorCode::kUsage,
                 fmt::format("the top layer is {}x{} but the picture is {}x{}: they must be equal",
                             sizes.back().width, sizes.back().height, picture.width, picture.height)};
  }
  for (size_t k = 0; k < sizes.size(); ++k) {
    if (sizes[k].width < 1 || sizes[k].height < 1) {
      return Error{ErrorCode::kUsage, fmt::format("layer {} is {}x{}: sides must be at least 1", k,
                                                  sizes[k].width, sizes[k].height)};
    }
    if (k > 0 && (sizes[k].width < sizes[k - 1].width || sizes[k].height < sizes[k - 1].height)) {
      return Error{
          ErrorCode::kUsage,
          fmt::format("layer {} ({}x{}) is smaller than layer {} ({}x{}): layers must not "
                      "shrink on either side",
                      k, sizes[k].width, sizes[k].height, k - 1, sizes[k - 1].width, sizes[k - 1].height)};
    }
  }
  if (sizes.size() > 1 && !model->layered()) {
    return Error{ErrorCode::kUsage,
                 fmt::format("model '{}' codes single pictures: ask for one layer", model->name())};
  }
  if (!(settings.quality >= 0.0 && settings.quality <= 100.0)) {
    return Error{ErrorCode::kUsage, fmt::format("quality {} is not in 0..100", settings.quality)};
  }
  if (static_cast<uint64_t>(picture.pixels()) > options.max_pixels) {
    return Error{ErrorCode::kBadFile, fmt::format("{}x{} pixels are more than the limit of {}", picture.width,
                                                  picture.height, options.max_pixels)};
  }
  return {};
}

Result<EncodedPicture> Encoder::encode(const Image& picture, const EncodeSettings& settings) {
  return parts_->encode(Original(picture), false, settings);
}

Result<EncodedPicture> Encoder::encode(const Rgb8View& picture, const EncodeSettings& settings) {
  return parts_->encode(Original(picture), true, settings);
}

Result<EncodedPicture> Encoder::Parts::encode(const Original& picture, bool bytes,
                                              const EncodeSettings& settings) {
  if (const auto status = check(picture.size(), settings); !status) return status.error();
  const auto& sizes = settings.sizes;
  const int top = static_cast<int>(sizes.size()) - 1;
  const double memory = encode_bytes(networks, {sizes, top, bytes, settings.measure});
  if (const auto status = check_memory(memory, options.max_memory); !status) return status.error();

  // The file holds quality in tenths; coding with the rounded value keeps encoder and decoder together.
  const int quality = static_cast<int>(std::lround(settings.quality * 10.0));
  const float rate = model->rate_position(quality / 10.0);
  networks.set_prediction(settings.prediction);
  const auto place_of = [&](int k) { return LayerNetworks::Place{sizes, k, rate}; };
  if (sizes.back().pixels() <= kPrepareAllPixels) {
    const nn::StageTimer timer(options.times, "kernels", 0.0);
    context.prepare([&] {
      for (int k = 0; k <= top; ++k) networks.prepare_encode(place_of(k), k < top || settings.measure);
    });
  }

  double pixels_total = 0.0;
  double pixels_done = 0.0;
  for (const Size size : sizes) pixels_total += static_cast<double>(size.pixels());
  EncodedPicture encoded;
  ContainerContents contents;
  std::copy_n(model->id().begin(), contents.model.size(), contents.model.begin());
  contents.metadata = settings.metadata;
  Patch below;  // layer k-1 as the decoder will see it
  for (int k = 0; k <= top; ++k) {
    contents.layers.push_back({sizes[k], quality, {}});
    auto layer = encode_layer(place_of(k), picture, settings, below, contents, encoded);
    if (!layer) return layer.error();
    encoded.layers.push_back(*layer);
    pixels_done += static_cast<double>(sizes[k].pixels());
    if (settings.progress) settings.progress(pixels_done / pixels_total);
  }
  auto file = write_container(contents);
  if (!file) return file.error();
  encoded.bytes = *std::move(file);
  return encoded;
}

// Codes layer k into the last of the contents' layers. `below` is layer k-1's reconstruction before and layer
// k's after, where that is needed.
Result<EncodedLayer> Encoder::Parts::encode_layer(const LayerNetworks::Place& place, const Original& picture,
                                                  const EncodeSettings& settings, Patch& below,
                                                  ContainerContents& contents, EncodedPicture& encoded) {
  const int k = place.k;
  // The next layer is predicted from this one's reconstruction; the top one's serves reports only.
  const bool reconstruct = k + 1 < static_cast<int>(place.sizes.size()) || settings.measure;
  const Rect all = whole(place.size());
  std::optional<PredictionWindow> prediction;
  if (k > 0) prediction.emplace(networks.window(place, below, all, reconstruct));
  PredictionWindow* const window = prediction ? &*prediction : nullptr;

  Tensor y = networks.analyse(place, picture, window);
  if (!reconstruct) {  // nobody needs these any more, and large pictures need the room
    prediction.reset();
    below = {};
  }
  LayerLatents latents = networks.quantise(place, std::move(y));
  {
    const nn::StageTimer timer(options.times, "entropy", 0.0);
    auto bytes = compass::encode_layer(
        {latents.z, latents.y, latents.indexes},
        model->hyper_tables(k == 0 ? CodecKind::kBase : CodecKind::kEnhancement), model->gaussian_tables());
    if (!bytes) return bytes.error();
    contents.layers.back().bytes = *std::move(bytes);
  }
  EncodedLayer layer{place.size(), contents.layers.back().bytes.size(), std::nan("")};
  if (!reconstruct) return layer;
  latents.y = {};
  latents.indexes = {};
  Patch reconstruction = networks.reconstruct(place, latents.y_hat, window, all);
  prediction.reset();
  below = std::move(reconstruction);
  if (settings.measure) layer.psnr = psnr(below.image, picture.layer(place.size(), pool));
  if (settings.keep_reconstructions) encoded.reconstructions.push_back(below.image);
  return layer;
}

}  // namespace compass
