#include "codec/encoder.h"

#include <fmt/format.h>

#include <cmath>

#include "codec/layer.h"
#include "entropy/layer_coder.h"
#include "image/psnr.h"
#include "image/resize.h"
#include "nn/context.h"

namespace compass {

struct Encoder::Parts {
  Parts(std::shared_ptr<const Model> m, const CodecOptions& o)
      : model(std::move(m)), options(o), pool(o.threads), context(pool, o.precision) {}

  Status check(const Image& picture, const EncodeSettings& settings) const;

  std::shared_ptr<const Model> model;
  CodecOptions options;
  ThreadPool pool;
  nn::Context context;
};

Encoder::Encoder(std::shared_ptr<const Model> model, CodecOptions options)
    : parts_(std::make_unique<Parts>(std::move(model), options)) {}
Encoder::~Encoder() = default;

Status Encoder::Parts::check(const Image& picture, const EncodeSettings& settings) const {
  const auto& sizes = settings.sizes;
  if (sizes.empty() || sizes.size() > kMaxLayerCount) {
    return Error{ErrorCode::kUsage,
                 fmt::format("{} layers: a file holds 1 to {}", sizes.size(), kMaxLayerCount)};
  }
  if (sizes.back() != picture.size()) {
    return Error{ErrorCode::kUsage,
                 fmt::format("the top layer is {}x{} but the picture is {}x{}: they must be equal",
                             sizes.back().width, sizes.back().height, picture.width(), picture.height())};
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
  if (static_cast<uint64_t>(picture.size().pixels()) > options.max_pixels) {
    return Error{ErrorCode::kBadFile, fmt::format("{}x{} pixels are more than the limit of {}",
                                                  picture.width(), picture.height(), options.max_pixels)};
  }
  return {};
}

Result<EncodedPicture> Encoder::encode(const Image& picture, const EncodeSettings& settings) {
  auto& [model, options, pool, context] = *parts_;
  if (const auto status = parts_->check(picture, settings); !status) return status.error();

  const auto& sizes = settings.sizes;
  // The file holds quality in tenths; coding with the rounded value keeps encoder and decoder together.
  const int quality = static_cast<int>(std::lround(settings.quality * 10.0));
  const float rate = model->rate_position(quality / 10.0);
  LayerNetworks networks(model, context, settings.prediction);
  const int top = static_cast<int>(sizes.size()) - 1;
  double pixels_total = 0.0;
  double pixels_done = 0.0;
  for (const Size size : sizes) pixels_total += static_cast<double>(size.pixels());

  EncodedPicture encoded;
  ContainerContents contents;
  std::copy_n(model->id().begin(), contents.model.size(), contents.model.begin());
  contents.metadata = settings.metadata;
  Patch below;  // layer k-1 as the decoder will see it
  for (int k = 0; k <= top; ++k) {
    const LayerNetworks::Place place{sizes, k, rate};
    const Image smaller = k < top ? resize(picture, sizes[k], &pool) : Image();
    const Image& original = k < top ? smaller : picture;

    const Tensor y = networks.analyse(place, original, k > 0 ? &below : nullptr);
    const LayerLatents latents = networks.quantise(place, y);
    auto bytes = encode_layer({latents.z, latents.y, latents.hyper.indexes},
                              model->hyper_tables(k == 0 ? CodecKind::kBase : CodecKind::kEnhancement),
                              model->gaussian_tables());
    if (!bytes) return bytes.error();

    EncodedLayer layer{sizes[k], bytes->size(), std::nan("")};
    contents.layers.push_back({sizes[k], quality, *std::move(bytes)});
    // The next layer is predicted from this one's reconstruction; the top one's serves reports only.
    if (k < top || settings.measure) {
      below = networks.reconstruct(place, latents, k > 0 ? &below : nullptr, whole(sizes[k]));
      if (settings.measure) layer.psnr = psnr(below.image, original);
      if (settings.keep_reconstructions) encoded.reconstructions.push_back(below.image);
    }
    encoded.layers.push_back(layer);
    pixels_done += static_cast<double>(sizes[k].pixels());
    if (settings.progress) settings.progress(pixels_done / pixels_total);
  }
  auto file = write_container(contents);
  if (!file) return file.error();
  encoded.bytes = *std::move(file);
  return encoded;
}

}  // namespace compass
