// A model file with only what decoding needs.
#pragma once

#include <cstdint>
#include <vector>

#include "core/result.h"
#include "model_file/model.h"
#include "model_file/safetensors.h"

namespace compass {

// The model of `file` without the tensors of g_a and h_a and the densities, or, with `base_only`, without all
// that base layers do not take. It decodes the files of `model`, which is what `file` holds, to the same
// pixels. A model of one layer, or a base decoder, is the same with `base_only` and without.
std::vector<uint8_t> stripped(const Safetensors& file, const Model& model, bool base_only);

// By how much the decoder is more than its base: its metadata and its other tensors. With the tensors of the
// base they are the decoder. Empty for a model of one layer, or a base decoder.
std::vector<uint8_t> stripped_upper(const Safetensors& file, const Model& model);

// By how much the whole model is more than the decoder, in the same way: what encoding takes beside it. Empty
// if `file` does not hold that.
std::vector<uint8_t> stripped_encoder(const Safetensors& file, const Model& model);

}  // namespace compass
