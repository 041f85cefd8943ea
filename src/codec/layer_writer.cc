// Encoding a layer's blocks.
#include "codec/latent_coder.h"
#include "codec/layer_streams.h"
#include "entropy/layer_coder.h"

namespace compass {
namespace {

// One layer whose blocks are to be encoded, each on its own.
class LayerWriter {
 public:
  LayerWriter(const PyramidNetworks& networks, const SpatialLayer& layer, const LayerLatents& latents)
      : model_(networks.model()),
        layer_(layer),
        latents_(latents),
        z_places_(hyper_blocks(networks, layer)),
        y_places_(latent_blocks(networks, layer)),
        z_tables_(networks.model().hyper_tables(codec_of_layer(layer.k))),
        y_tables_(networks.model().latent_tables(codec_of_layer(layer.k))),
        z_size_(networks.hyper_size(layer)),
        y_size_(networks.latent_size(layer)),
        channels_(networks.codec(layer.k).latent_channels()),
        directions_(networks.filter(layer.k).directions) {}

  Result<std::vector<uint8_t>> z_block(size_t block) const {
    const Rect part = z_places_.positions(block);
    const int channels = z_tables_.rows();
    std::vector<int32_t> z(static_cast<size_t>(part.size().pixels()) * channels);
    for_part_rows(whole(z_size_), part, channels, [&](size_t from, size_t to, size_t count) {
      std::copy_n(latents_.z.data() + from, count, z.data() + to);
    });
    return encode_layer({.z = z}, z_tables_, y_tables_);
  }

  Result<std::vector<uint8_t>> y_block(size_t block) const {
    const Rect part = y_places_.positions(block);
    std::vector<int32_t> y(static_cast<size_t>(part.size().pixels()) * channels_);
    std::vector<uint8_t> indexes(y.size());
    for_part_rows(whole(y_size_), part, channels_, [&](size_t from, size_t to, size_t count) {
      std::copy_n(latents_.y.data() + from, count, y.data() + to);
      std::copy_n(latents_.indexes.data() + from, count, indexes.data() + to);
    });
    std::vector<int32_t> coefficients;
    for (const size_t region : block_regions(layer_.size(), block)) {
      const auto first = latents_.coefficients.begin() + static_cast<std::ptrdiff_t>(region * directions_);
      coefficients.insert(coefficients.end(), first, first + static_cast<std::ptrdiff_t>(directions_));
    }
    return encode_layer({.y = y,
                         .indexes = indexes,
                         .coefficients = coefficients,
                         .directions = directions_,
                         .trellis = trellis_layout(model_, layer_, part.width)},
                        z_tables_, y_tables_);
  }

 private:
  const Model& model_;
  const SpatialLayer& layer_;
  const LayerLatents& latents_;
  BlockPlaces z_places_;
  BlockPlaces y_places_;
  const CdfTables& z_tables_;
  const CdfTables& y_tables_;
  Size z_size_;
  Size y_size_;
  int channels_;
  size_t directions_;
};

}  // namespace

double block_bytes(const PyramidNetworks& networks, const SpatialLayer& layer) {
  if (!is_tiled(layer.size())) return 0.0;
  const Rect first = latent_blocks(networks, layer).positions(0);
  // Means or symbols, and indexes.
  return 5.0 * networks.codec(layer.k).latent_channels() * static_cast<double>(first.size().pixels());
}

Result<LayerStream> write_layer(const PyramidNetworks& networks, const SpatialLayer& layer,
                                const LayerLatents& latents) {
  const CodecKind kind = codec_of_layer(layer.k);
  const Model& model = networks.model();
  if (!is_tiled(layer.size())) {
    const auto directions = static_cast<size_t>(networks.filter(layer.k).directions);
    const auto trellis = trellis_layout(model, layer, latents.held.width);
    auto bytes =
        encode_layer({latents.z, latents.y, latents.indexes, latents.coefficients, directions, trellis},
                     model.hyper_tables(kind), model.latent_tables(kind));
    if (!bytes) return bytes.error();
    return LayerStream{*std::move(bytes), 0};
  }
  const LayerWriter writer(networks, layer, latents);
  std::vector<std::vector<uint8_t>> y(latent_grid(layer.size()).pixels());
  std::vector<std::vector<uint8_t>> z(hyper_grid(layer.size()).pixels());
  std::vector<Status> statuses(y.size() + z.size());
  networks.context().pool().parallel_for(static_cast<int>(statuses.size()), [&](int i, int /*worker*/) {
    const bool is_y = static_cast<size_t>(i) < y.size();  // these take longer
    auto bytes = is_y ? writer.y_block(i) : writer.z_block(i - y.size());
    if (bytes) {
      (is_y ? y[i] : z[i - y.size()]) = *std::move(bytes);
    } else {
      statuses[i] = bytes.error();
    }
  });
  for (const Status& status : statuses) {
    if (!status) return status.error();
  }
  return join_blocks(z, y);
}

}  // namespace compass
