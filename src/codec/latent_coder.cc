#include "codec/latent_coder.h"

namespace compass {

std::optional<TrellisLayout> trellis_layout(const Model& model, const SpatialLayer& layer, int width) {
  const CodecKind kind = codec_of_layer(layer.k);
  const CodecDescription& codec = model.codec(kind);
  if (!codec.trellis) return {};
  return TrellisLayout{width, codec.latent_channels, model.trellis_shift(kind, layer.rate.rate)};
}

std::optional<TrellisQuantiser> trellis_quantiser(const Model& model, const SpatialLayer& layer, int width) {
  const auto layout = trellis_layout(model, layer, width);
  if (!layout) return {};
  const CodecKind kind = codec_of_layer(layer.k);
  return TrellisQuantiser(model.latent_tables(kind), *layout, model.trellis_step(kind, layer.rate.rate));
}

Status decode_latents(const Model& model, const SpatialLayer& layer, LayerDecoder& decoder, int width,
                      std::span<const uint8_t> indexes, std::span<float> means) {
  const CodecKind kind = codec_of_layer(layer.k);
  const CdfTables& tables = model.latent_tables(kind);
  const auto trellis = trellis_layout(model, layer, width);
  if (!trellis) return decoder.decode_y_onto(tables, indexes, means);
  const float step = model.trellis_step(kind, layer.rate.rate);
  return decoder.decode_levels_onto(tables, *trellis, indexes, step, means);
}

}  // namespace compass
