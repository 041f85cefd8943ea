// A model: the description, parameters and tables of every network, read from one safetensors file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "entropy/cdf_tables.h"
#include "model_file/description.h"
#include "model_file/model_ids.h"
#include "model_file/weights.h"

namespace compass {

// Which of a model's two codecs.
enum class CodecKind { kBase, kEnhancement };
// That of layer k of a picture.
inline CodecKind codec_of_layer(size_t k) {
  return k == 0 ? CodecKind::kBase : CodecKind::kEnhancement;
}

// What a model is wanted for. For decoding, what only the encoder needs stays in the file.
enum class ModelUse { kAny, kDecoding };

// Immutable and shared: any number of encoders and decoders may read one model at once.
class Model {
 public:
  // Reads and checks a model. Errors: kIo (cannot read), kModel (not a model, or a part of it is wrong: the
  // message names the tensor or field).
  static Result<std::shared_ptr<const Model>> load(const std::string& path, ModelUse use = ModelUse::kAny);
  static Result<std::shared_ptr<const Model>> parse(std::vector<uint8_t> bytes,
                                                    ModelUse use = ModelUse::kAny);

  const Description& description() const { return description_; }
  const std::string& name() const { return description_.name; }
  const std::vector<double>& rate_points() const { return description_.rate_points; }
  const ModelId& id() const { return id_; }
  const DecoderId& decoder_id() const { return decoder_id_; }
  const DecoderIds& decoder_ids() const { return decoder_ids_; }
  // What is here: of a whole file's model for decoding alone, kDecoder. Without the encoder, weights of g_a
  // and h_a are absent: these networks can be planned, since sizes and tiles follow from them, and not be
  // run.
  ModelParts parts() const { return parts_; }
  int64_t parameters() const { return parameters_; }  // weights of all networks, tables not counted

  // Whether pictures may have more than one layer. With ModelParts::kBaseDecoder they cannot, although the
  // files that the model decodes may.
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
  // By how many steps of quality lambda doubles, in the mean over the axis; more than one rate point.
  double quality_doubling() const;
  // By how many scale indexes a codec with a trellis is coarser at a position on that axis, and its step
  // there.
  int trellis_shift(CodecKind kind, float rate) const;
  float trellis_step(CodecKind kind, float rate) const;
  // Lambda at a position on that axis, exponential between rate points: bits per pixel that a squared error
  // of 1 (8-bit values, mean over colours) was worth in training.
  double lambda(float rate) const;

 private:
  Model() = default;
  static Result<std::shared_ptr<const Model>> from(const Safetensors& file, ModelUse use);

  Description description_;
  ModelId id_{};
  DecoderIds decoder_ids_;
  DecoderId decoder_id_{};
  ModelParts parts_ = ModelParts::kAll;
  int64_t parameters_ = 0;
  CodecWeights base_;
  CodecWeights enhancement_;
  LiffWeights liff_;
};

}  // namespace compass
