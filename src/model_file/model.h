// A model: the description, parameters and tables of every network, read from one safetensors file.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "entropy/cdf_tables.h"
#include "model_file/description.h"
#include "model_file/weights.h"

namespace compass {

// XXH3 (64 bits, big-endian) of a model's canonical content: the description without its provenance, then
// every tensor by name with dtype, shape and data. Equal ids mean equal decoding; renaming a file changes
// nothing.
using ModelId = std::array<uint8_t, 8>;
// The same of what decoding needs alone (decoder_text, and all tensors but those of g_a and h_a): what files
// name. A model whose encoder is better, and whose decoder is the same, reads and writes the same files.
using DecoderId = std::array<uint8_t, 8>;  // as in bitstream/container.h

// Which of a model's two codecs.
enum class CodecKind { kBase, kEnhancement };
// That of layer k of a picture.
inline CodecKind codec_of_layer(size_t k) {
  return k == 0 ? CodecKind::kBase : CodecKind::kEnhancement;
}

// Immutable and shared: any number of encoders and decoders may read one model at once.
class Model {
 public:
  // Reads and checks a model. Errors: kIo (cannot read), kModel (not a model, or a part of it is wrong: the
  // message names the tensor or field).
  static Result<std::shared_ptr<const Model>> load(const std::string& path);
  static Result<std::shared_ptr<const Model>> parse(std::vector<uint8_t> bytes);

  const Description& description() const { return description_; }
  const std::string& name() const { return description_.name; }
  const std::vector<double>& rate_points() const { return description_.rate_points; }
  const ModelId& id() const { return id_; }
  const DecoderId& decoder_id() const { return decoder_id_; }
  int64_t parameters() const { return parameters_; }  // weights of all networks, tables not counted

  // Whether pictures may have more than one layer.
  bool layered() const { return description_.enhancement.has_value(); }

  // kEnhancement and liff only if layered().
  const CodecDescription& codec(CodecKind kind) const {
    return kind == CodecKind::kBase ? description_.base : *description_.enhancement;
  }
  const CodecWeights& weights(CodecKind kind) const {
    return kind == CodecKind::kBase ? base_ : enhancement_;
  }
  const LiffWeights& liff_weights() const { return liff_; }

  // Tables for y: one row per scale index, for each quantiser. Tables for z: one row per hyper channel.
  const CdfTables& latent_tables(CodecKind kind) const { return weights(kind).y; }
  const CdfTables& hyper_tables(CodecKind kind) const { return weights(kind).z; }

  // The position of quality q in [0,100] on the rate-point axis: q/100 * (points - 1).
  float rate_position(double quality) const;
  // By how many scale indexes a codec with a trellis is coarser at a position on that axis, and its step
  // there.
  int trellis_shift(CodecKind kind, float rate) const;
  float trellis_step(CodecKind kind, float rate) const;
  // Lambda at a position on that axis, exponential between rate points: bits per pixel that a squared error
  // of 1 (8-bit values, mean over colours) was worth in training.
  double lambda(float rate) const;

 private:
  Model() = default;
  static Result<std::shared_ptr<const Model>> from(const Safetensors& file);

  Description description_;
  ModelId id_{};
  DecoderId decoder_id_{};
  int64_t parameters_ = 0;
  CodecWeights base_;
  CodecWeights enhancement_;
  LiffWeights liff_;
};

// "a1b2c3d4e5f60718": how messages name a model.
std::string to_string(const ModelId& id);

}  // namespace compass
