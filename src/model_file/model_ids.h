// Ids: hashes of a model, and of those parts of it that a file needs (docs/model_format.md, "Ids").
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model_file/description.h"
#include "model_file/safetensors.h"

namespace compass {

// XXH3 (64 bits, big-endian) of a model's canonical content: the description without its provenance, then
// every tensor by name with dtype, shape and data. Equal ids mean equal decoding; renaming a file changes
// nothing.
using ModelId = std::array<uint8_t, 8>;
// The same of what decoding needs alone: what files name. A model whose encoder is better, and whose decoder
// is the same, reads and writes the same files.
using DecoderId = std::array<uint8_t, 8>;  // as in bitstream/container.h

// What a model file holds of a model.
enum class ModelParts {
  kAll,
  kDecoder,      // no tensors of g_a and h_a: nothing can be encoded
  kBaseDecoder,  // of that, what base layers take: the description and the tensors of one layer
};

// Where a file's metadata holds the model's description, as JSON.
inline constexpr const char* kDescriptionKey = "compass";

// How a file's metadata says which parts it has: under this key, one of these texts, or nothing for kAll;
// with the base decoder alone, DecoderIds::upper in hexadecimal under the other key.
inline constexpr const char* kPartsKey = "parts";
inline constexpr const char* kDecoderParts = "decoder";
inline constexpr const char* kBaseDecoderParts = "base decoder";
inline constexpr const char* kUpperKey = "upper";

// A decoder id has two parts: that of what base layers take, and that of what enhancement layers take beside
// it. A model file of the base decoder alone cannot work out the second and states it.
struct DecoderIds {
  DecoderId base{};
  std::optional<DecoderId> upper;  // none: the model has one layer

  // What files name: the base's of a model with one layer, otherwise the hash of both.
  DecoderId whole() const;
};

ModelId model_id(const Description& description, const Safetensors& file);
DecoderId base_decoder_id(const Description& description, const Safetensors& file);
// Only for descriptions with enhancement layers.
DecoderId upper_decoder_id(const Description& description, const Safetensors& file);

// Whether a tensor is an analysis network's, "base.g_a.2.weight" or "enhancement.h_a.0.bias": encoders alone
// read it.
bool is_encoder_tensor(std::string_view name);
// Whether a tensor is the base codec's.
bool is_base_tensor(std::string_view name);

// "a1b2c3d4e5f60718": how messages name a model, and what such a text stands for, if anything.
std::string to_string(const ModelId& id);
std::optional<ModelId> parse_model_id(std::string_view text);

}  // namespace compass
