#include "codec/latent_coder.h"

namespace compass {

std::optional<TrellisLayout> trellis_layout(const Model& model, const SpatialLayer& layer, int width) {
  const CodecKind kind = codec_of_layer(layer.k);
  const CodecDescription& codec = model.codec(kind);
  if (!codec.trellis) return {};
  return TrellisLayout{width, codec.latent_channels, model.trellis_shift(kind, layer.rate)};
}

std::optional<TrellisQuantiser> trellis_quantiser(const Model& model, const SpatialLayer& layer, int width) {
  const auto layout = trellis_layout(model, layer, width);
  if (!layout) return {};
  const CodecKind kind = codec_of_layer(layer.k);
  return TrellisQuantiser(model.latent_tables(kind), *layout, model.trellis_step(kind, layer.rate));
}

Result<std::vector<uint8_t>> encode_latents(const Model& model, const SpatialLayer& layer, Size positions,
                                            const LayerLatents& latents) {
  const CodecKind kind = codec_of_layer(layer.k);
  const auto directions = static_cast<size_t>(model.weights(kind).filter.directions);
  return encode_layer({latents.z, latents.y, latents.indexes, latents.coefficients, directions,
                       trellis_layout(model, layer, positions.width)},
                      model.hyper_tables(kind), model.latent_tables(kind));
}

Status decode_latents(const Model& model, const SpatialLayer& layer, LayerDecoder& decoder,
                      LayerLatents& latents) {
  const CodecKind kind = codec_of_layer(layer.k);
  const CdfTables& tables = model.latent_tables(kind);
  const auto trellis = trellis_layout(model, layer, latents.y_hat.width);
  if (!trellis) return decoder.decode_y_onto(tables, latents.indexes, latents.y_hat.data);
  return decoder.decode_levels_onto(tables, *trellis, latents.indexes, model.trellis_step(kind, layer.rate),
                                    latents.y_hat.data);
}

}  // namespace compass
