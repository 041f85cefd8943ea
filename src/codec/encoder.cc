#include "codec/encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "codec/alpha_layers.h"
#include "codec/encoder_parts.h"
#include "codec/latent_coder.h"
#include "codec/layer_rates.h"
#include "codec/layer_streams.h"
#include "codec/memory_need.h"
#include "codec/seen_picture.h"
#include "image/psnr.h"

namespace compass {
namespace {

// Of layer k, before it is rounded to tenths.
double quality_of(const EncodeSettings& settings, size_t k) {
  return settings.layer_qualities.empty() ? settings.quality : settings.layer_qualities[k];
}

Status check_qualities(const EncodeSettings& settings, const Model& model) {
  const size_t layers = settings.sizes.size();
  const auto count = [layers](const char* what, size_t have) {
    return Error{ErrorCode::kUsage,
                 fmt::format("{} {} for {} layers: one for each is needed", have, what, layers)};
  };
  if (!settings.layer_qualities.empty() && settings.layer_qualities.size() != layers) {
    return count("qualities", settings.layer_qualities.size());
  }
  for (size_t k = 0; k < layers; ++k) {
    if (const double quality = quality_of(settings, k); !(quality >= 0.0 && quality <= 100.0)) {
      return Error{ErrorCode::kUsage, fmt::format("quality {} is not in 0..100", quality)};
    }
  }
  if (settings.quality_maps.empty()) return {};
  if (settings.quality_maps.size() != layers) return count("quality maps", settings.quality_maps.size());
  if (model.rate_points().size() == 1) {
    return Error{
        ErrorCode::kUsage,
        fmt::format("model '{}' has a single rate: quality cannot differ over the picture", model.name())};
  }
  for (size_t k = 0; k < layers; ++k) {
    const auto bytes = serialise_quality_map(settings.quality_maps[k], settings.sizes[k]);
    if (!bytes) return bytes.error();
  }
  return {};
}

// What a picture's alpha takes beside it: a copy of the colours, what they are filled from, a layer below.
double alpha_bytes(const Original& picture) {
  constexpr double kFill = 4.4, kBelow = 1.3;
  return static_cast<double>(picture.size().pixels()) * (picture.pixel_bytes() + kFill + kBelow);
}

}  // namespace

Status check_sizes(const std::vector<Size>& sizes, Size picture) {
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
    if (sizes[k].width < 1 || sizes[k].height < 1 || sizes[k].width > kMaxSide ||
        sizes[k].height > kMaxSide) {
      return Error{ErrorCode::kUsage, fmt::format("layer {} is {}x{}: sides must be 1 to {}", k,
                                                  sizes[k].width, sizes[k].height, kMaxSide)};
    }
    if (k > 0 && (sizes[k].width < sizes[k - 1].width || sizes[k].height < sizes[k - 1].height)) {
      return Error{
          ErrorCode::kUsage,
          fmt::format("layer {} ({}x{}) is smaller than layer {} ({}x{}): layers must not "
                      "shrink on either side",
                      k, sizes[k].width, sizes[k].height, k - 1, sizes[k - 1].width, sizes[k - 1].height)};
    }
  }
  return {};
}

Status check_encodes(const Model& model) {
  if (model.parts() == ModelParts::kAll) return {};
  return Error{
      ErrorCode::kModel,
      fmt::format("model '{}' holds only what decoding needs: encode with the whole model", model.name())};
}

Encoder::Encoder(std::shared_ptr<const Model> model, CodecOptions options)
    : parts_(std::make_unique<Parts>(std::move(model), options)) {}
Encoder::~Encoder() = default;

Result<EncodedPicture> Encoder::encode(const Image& picture, const EncodeSettings& settings) {
  return encode_with_alpha(picture, settings);
}

Result<EncodedPicture> Encoder::encode(const Rgb8View& picture, const EncodeSettings& settings) {
  return encode_with_alpha(picture, settings);
}

Result<EncodedPicture> Encoder::encode(const Rgb16View& picture, const EncodeSettings& settings) {
  return encode_with_alpha(picture, settings);
}

// The colours that nobody sees are others from here on.
template <typename Picture>
Result<EncodedPicture> Encoder::encode_with_alpha(const Picture& picture, const EncodeSettings& wanted) {
  return parts_->networks.meter().watch(wanted.progress, [&]() -> Result<EncodedPicture> {
    const Original original(picture);
    EncodeSettings settings = wanted;
    const int effort = parts_->effort_for(original.size(), settings);
    settings.kinds.alpha = !is_opaque(settings.alpha);
    const bool grows = settings.targets.size() > 1;
    if (const auto status = parts_->check(original, settings, effort, grows); !status) return status.error();
    const SeenPicture<Picture> seen(picture, settings.alpha, parts_->pool);
    parts_->tune(seen.original(), 0, settings);
    if (!settings.targets.empty()) return parts_->encode_to_targets(seen.original(), settings, effort);
    return parts_->encode(seen.original(), settings, effort);
  });
}

int Encoder::Parts::effort_for(Size picture, const EncodeSettings& settings) {
  if (settings.effort) return *settings.effort;
  return picture.pixels() <= kSearchedPixels && networks.make_search() ? kDefaultEffort : 0;
}

void Encoder::Parts::tune(const Original& picture, int first, EncodeSettings& settings) {
  weights.clear();
  if (settings.tune != Tune::kVisual) return;
  const nn::StageTimer timer(options.times, "weights", 0.0);
  const size_t layers = settings.sizes.size();
  const bool has_rates = model->rate_points().size() > 1;
  weights.resize(layers);
  if (has_rates && settings.quality_maps.empty()) settings.quality_maps.resize(layers);
  for (size_t k = static_cast<size_t>(first); k < layers; ++k) {
    weights[k].emplace(picture, settings.sizes[k], pool);
    if (has_rates) {
      settings.quality_maps[k] = weights[k]->quality_map(settings.quality_maps[k], model->quality_doubling());
    }
  }
}

// Everything that can be refused before anything large is allocated.
Status Encoder::Parts::check(const Original& picture, const EncodeSettings& settings, int effort,
                             bool grows) {
  const auto& sizes = settings.sizes;
  const Size full = picture.size();
  context.suit(full.pixels());
  if (const auto status = check_encodes(*model); !status) return status;
  if (const auto status = check_sizes(sizes, full); !status) return status;
  if (sizes.size() > 1 && !model->layered()) {
    return Error{ErrorCode::kUsage,
                 fmt::format("model '{}' codes single pictures: ask for one layer", model->name())};
  }
  if (const auto status = check_qualities(settings, *model); !status) return status;
  if (effort < 0 || effort > kMaxEffort) {
    return Error{ErrorCode::kUsage, fmt::format("effort {} is not in 0..{}", effort, kMaxEffort)};
  }
  if (effort > 0 && !networks.make_search()) {
    return Error{ErrorCode::kUsage,
                 fmt::format("model '{}' has networks that an effort above 0 cannot search with: encode with "
                             "effort 0",
                             model->name())};
  }
  if (static_cast<uint64_t>(full.pixels()) > options.max_pixels) {
    return Error{ErrorCode::kBadFile, fmt::format("{}x{} pixels are more than the limit of {}", full.width,
                                                  full.height, options.max_pixels)};
  }
  if (!settings.alpha.empty() && settings.alpha.size != full) {
    return Error{ErrorCode::kUsage,
                 fmt::format("alpha is {}x{} but the picture is {}x{}: they must be equal",
                             settings.alpha.size.width, settings.alpha.size.height, full.width, full.height)};
  }
  const int top = static_cast<int>(sizes.size()) - 1;
  const bool bytes = picture.pixel_bytes() == 3;
  constexpr double kFloatPixel = 12.0;
  const double kept = grows && top > 0 ? kFloatPixel * static_cast<double>(sizes[top - 1].pixels()) : 0.0;
  const double need = kept + encode_bytes(networks, {sizes, top, bytes, settings.measure, effort > 0});
  return check_memory(need + (settings.kinds.alpha ? alpha_bytes(picture) : 0.0), options.max_memory);
}

// From the base layer up, each layer predicted from the reconstruction of the one below.
Result<EncodedPicture> Encoder::Parts::encode(const Original& picture, const EncodeSettings& settings,
                                              int effort) {
  const auto& sizes = settings.sizes;
  const int top = static_cast<int>(sizes.size()) - 1;
  // The file holds quality in tenths; coding with the rounded value keeps encoder and decoder together.
  const auto tenths = [&](int k) { return static_cast<int>(std::lround(quality_of(settings, k) * 10.0)); };
  const auto map_of = [&](int k) {
    return settings.quality_maps.empty() ? QualityMap{} : settings.quality_maps[k];
  };
  std::vector<LayerRates> rates;
  for (int k = 0; k <= top; ++k) rates.emplace_back(*model, tenths(k) / 10.0, map_of(k), sizes[k]);
  const auto layer_at = [&](int k) {
    return SpatialLayer{sizes, k, rates[k].field(), settings.kinds.grey, weights_of(k)};
  };
  // The next layer is predicted from a layer's reconstruction; the top one's serves reports only.
  const auto reconstructed = [&](int k) { return k < top || settings.measure; };
  networks.set_prediction(settings.prediction);
  if (compiles_ahead(picture.size())) {
    std::vector<nn::KernelRequest> kernels;
    for (int k = 0; k <= top; ++k) {
      analysis.add_kernels(layer_at(k), kernels);
      synthesis.add_kernels(layer_at(k), whole(sizes[k]), reconstructed(k), kernels);
      if (effort > 0) search.add_kernels(layer_at(k), kernels);
    }
    compile(kernels);
  }

  double work = 0.0;
  for (int k = 0; k <= top; ++k) work += layer_work(sizes[k], effort, reconstructed(k));
  networks.meter().set_total(work);
  EncodedPicture encoded;
  encoded.effort = effort;
  ContainerContents contents;
  contents.decoder = model->decoder_id();
  contents.metadata = settings.metadata;
  contents.kinds = settings.kinds;
  std::vector<LayerStream> alpha(sizes.size());
  if (contents.kinds.alpha) alpha = encode_alpha_layers(settings.alpha, sizes, pool);
  ImageView x_hat;  // the last layer coded, as the decoder will see it
  for (int k = 0; k <= top; ++k) {
    auto stream = encode_layer(layer_at(k), picture, settings, effort, reconstructed(k), x_hat);
    if (!stream) return stream.error();
    const uint64_t alpha_bytes = alpha[k].bytes.size();
    EncodedLayer layer{sizes[k], stream->bytes.size() + alpha_bytes, alpha_bytes, std::nan(""),
                       tenths(k) / 10.0};
    if (settings.measure) layer.psnr = psnr(x_hat.image, picture.layer(sizes[k], pool));
    if (settings.keep_reconstructions && reconstructed(k)) encoded.reconstructions.push_back(x_hat.image);
    encoded.layers.push_back(layer);
    contents.layers.push_back({sizes[k], tenths(k), *std::move(stream), map_of(k), std::move(alpha[k])});
  }
  auto file = write_container(contents);
  if (!file) return file.error();
  encoded.bytes = *std::move(file);
  networks.meter().finish();
  return encoded;
}

double layer_work(Size layer, int effort, bool reconstruct) {
  return static_cast<double>(layer.pixels()) * (1.0 + kRoundWork * effort + (reconstruct ? 1.0 : 0.0));
}

// One layer of the figure; returns its stream. `x_hat` comes as the reconstruction of the layer below (empty
// below the base layer) and leaves as this layer's, or empty if that is not wanted.
Result<LayerStream> Encoder::Parts::encode_layer(const SpatialLayer& layer, const Original& picture,
                                                 const EncodeSettings& settings, int effort, bool reconstruct,
                                                 ImageView& x_hat) {
  using Next = LayerAnalysis::Next;
  const bool searched = effort > 0;
  const Next next = searched ? Next::kSearch : reconstruct ? Next::kReconstruct : Next::kCode;
  const Rect all = whole(layer.size());
  std::optional<PredictionWindow> liff;
  if (layer.k > 0) {
    liff.emplace(synthesis.predict(layer, x_hat, all, passed_rows(layer.size(), reconstruct, searched)));
  }
  PredictionWindow* const prediction = liff ? &*liff : nullptr;
  const auto give_up_prediction = [&] {  // large pictures need the room
    liff.reset();
    x_hat = {};
  };

  Tensor y = analysis.analyse(layer, picture, prediction);
  if (next == Next::kCode) give_up_prediction();
  LayerLatents latents = analysis.quantise(layer, std::move(y), next);
  if (searched) {
    SymbolSearch symbols(latent_tables(layer.k), effort);
    search.run(layer, picture, prediction, symbols, latents);
    latents.means = {};
    if (!reconstruct) give_up_prediction();
  }
  if (settings.latents) settings.latents(layer.k, latents);
  auto stream = [&] {
    const nn::StageTimer timer(options.times, "entropy", 0.0);
    return write_layer(networks, layer, latents);
  }();
  if (!stream || !reconstruct) return stream;

  latents.y = {};
  latents.indexes = {};
  ImageView reconstruction = synthesis.reconstruct(layer, latents, prediction, all);
  liff.reset();  // it refers to x_hat, the layer below
  x_hat = std::move(reconstruction);
  return stream;
}

}  // namespace compass
