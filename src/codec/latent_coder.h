// How the symbols of a layer's y are coded, and what they mean: rounded one by one, or as levels of a
// trellis.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "codec/layer.h"
#include "codec/trellis_quantiser.h"
#include "core/result.h"
#include "entropy/layer_coder.h"
#include "model_file/model.h"

namespace compass {

// How y of a layer, `width` positions wide, is coded if its codec has a trellis.
std::optional<TrellisLayout> trellis_layout(const Model& model, const SpatialLayer& layer, int width);

// What quantises y then.
std::optional<TrellisQuantiser> trellis_quantiser(const Model& model, const SpatialLayer& layer, int width);

// y's symbols of a stream whose latents are `width` positions wide, onto their means, once coefficients and z
// are decoded. Errors as LayerDecoder::decode_y_onto.
Status decode_latents(const Model& model, const SpatialLayer& layer, LayerDecoder& decoder, int width,
                      std::span<const uint8_t> indexes, std::span<float> means);

}  // namespace compass
