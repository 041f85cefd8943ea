#include "codec/growing_file.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "bitstream/append.h"
#include "codec/alpha_layers.h"
#include "codec/layer_rates.h"
#include "codec/progressive.h"
#include "image/psnr.h"
#include "image/resize.h"

namespace compass {
namespace {

Plane copy_of(PlaneView view) {
  Plane plane(view.size);
  for (int y = 0; y < view.size.height; ++y) std::copy_n(view.row(y), view.size.width, plane.row(y));
  return plane;
}

}  // namespace

Status GrowingFile::read_header() {
  ContainerLimits limits;
  limits.max_pixels = parts_.options.max_pixels;
  const auto parsed = parse_header(file_, limits);
  if (!parsed) return parsed.error();
  if (!parsed->header) return Error{ErrorCode::kDamaged, "the file ends within its header"};
  kinds_ = parsed->header->kinds;
  sizes_.clear();
  layers_.clear();
  for (const LayerEntry& layer : parsed->header->layers) {
    sizes_.push_back(layer.size);
    layers_.push_back(
        {layer.size, layer.end() - layer.offset, layer.alpha.bytes, std::nan(""), layer.quality / 10.0});
  }
  return {};
}

Status GrowingFile::open(std::vector<uint8_t> file, PredictionKind prediction) {
  file_ = std::move(file);
  if (const auto read = read_header(); !read) return read;
  const auto whole = extract_layers(file_, static_cast<int>(sizes_.size()), {parts_.options.max_pixels});
  if (!whole) return whole.error();
  MemorySource source(file_);
  Progressive layers(parts_, source);
  DecodeSettings settings;
  settings.strict = true;
  settings.prediction = prediction;
  if (const auto opened = layers.open(settings); !opened) return opened;
  auto picture = layers.decode_last();
  if (!picture) return picture.error();
  top_ = *std::move(picture);
  top_alpha_ = layers.alpha();
  return {};
}

LayerStream GrowingFile::alpha_of(Size size, PlaneView alpha) {
  if (next_alpha_) return *next_alpha_;
  if (size != alpha.size)
    next_alpha_plane_ = resize(alpha, size, &parts_.pool);
  else
    next_alpha_plane_ = copy_of(alpha);
  AlphaBelow below;
  if (!sizes_.empty()) below = {top_alpha_.view(), whole(sizes_.back()), sizes_.back()};
  next_alpha_ = encode_alpha_layer(next_alpha_plane_.view(), below, parts_.pool);
  return *next_alpha_;
}

Result<GrownFile> GrowingFile::with(const Original& picture, const NextLayer& next,
                                    const EncodeSettings& settings, int effort) {
  parts_.networks.set_prediction(settings.prediction);
  parts_.context.suit(picture.size().pixels());
  std::vector<Size> sizes = sizes_;
  sizes.push_back(next.size);
  const int k = static_cast<int>(sizes.size()) - 1;
  const int tenths = static_cast<int>(std::lround(next.quality * 10.0));
  const LayerRates rates(*parts_.model, tenths / 10.0, next.map, next.size);
  const SpatialLayer layer{sizes, k, rates.field(), settings.kinds.grey, parts_.weights_of(k)};
  if (CodecRuntime::compiles_ahead(next.size)) {
    std::vector<nn::KernelRequest> kernels;
    parts_.analysis.add_kernels(layer, kernels);
    parts_.synthesis.add_kernels(layer, whole(next.size), settings.measure, kernels);
    if (effort > 0) parts_.search.add_kernels(layer, kernels);
    parts_.compile(kernels);
  }
  ImageView x_hat = top_;
  auto stream = parts_.encode_layer(layer, picture, settings, effort, settings.measure, x_hat);
  if (!stream) return stream.error();
  GrownFile grown;
  LayerStream alpha;
  if (settings.kinds.alpha) alpha = alpha_of(next.size, settings.alpha);
  grown.layer = {next.size, stream->bytes.size() + alpha.bytes.size(), alpha.bytes.size(), std::nan(""),
                 tenths / 10.0};
  if (settings.measure) {
    grown.layer.psnr = psnr(x_hat.image, picture.layer(next.size, parts_.pool));
    grown.picture = std::move(x_hat);
  }
  const LayerPayload payload{next.size, tenths, *std::move(stream), next.map, std::move(alpha)};
  auto bytes =
      k > 0 ? append_layer(file_, payload)
            : write_container({parts_.model->decoder_id(), {payload}, settings.metadata, settings.kinds});
  if (!bytes) return bytes.error();
  grown.bytes = *std::move(bytes);
  return grown;
}

Status GrowingFile::take(GrownFile grown, PredictionKind prediction) {
  next_alpha_.reset();
  if (grown.picture.image.width() == 0) return open(std::move(grown.bytes), prediction);
  file_ = std::move(grown.bytes);
  top_ = std::move(grown.picture);
  top_alpha_ = std::move(next_alpha_plane_);
  return read_header();
}

}  // namespace compass
