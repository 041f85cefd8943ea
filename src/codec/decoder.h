// `.cmps` bytes in, a picture out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bitstream/container.h"
#include "codec/codec_options.h"
#include "codec/predictor.h"
#include "core/plane.h"
#include "core/result.h"
#include "image/image.h"
#include "model_file/model.h"

namespace compass {

// Where a decoder's bytes come from: a file, a pipe, memory. Reads forward only.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills as much of `out` as there is; fewer bytes than asked means the end. Error: kIo.
  virtual Result<size_t> read(std::span<uint8_t> out) = 0;
};

// Bytes in memory; the span must outlive the source.
class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  Result<size_t> read(std::span<uint8_t> out) override;

 private:
  std::span<const uint8_t> bytes_;
};

struct DecodeSettings {
  std::optional<int> layer;  // 0 is the base layer; default: the top layer
  std::optional<Size> size;  // exactly this size: the smallest layer that holds it, antialiased down; above
                             // the top layer, LIFF's prediction. Not together with `layer`.
  // A rectangle of the chosen layer; not together with `size`. If that layer is lost and a lower one is
  // decoded instead: the smallest rectangle of the lower layer that covers the same part of the picture.
  std::optional<Rect> region;
  PredictionKind prediction = PredictionKind::kLiff;  // as the file was encoded
  bool as_bytes = false;  // the picture as DecodedPicture::rgb: a quarter of the memory
  bool copied = false;  // whether the caller copies the picture, so that max_memory must cover the copy, too
  bool strict = false;  // a damaged or missing layer is an error instead of a smaller picture
  Progress progress;
};

struct DecodedPicture {
  Image image;    // unclamped; empty if bytes were asked for
  Rgb8Image rgb;  // else this is empty
  Plane alpha;    // of the same size; empty if the file has none
  PictureKinds kinds;
  Size size() const { return rgb.bytes.empty() ? image.size() : rgb.size; }
  int layer = 0;                    // the layer it came from
  Rect part;                        // what of that layer: all of it unless a region was asked for
  std::vector<std::string> damage;  // what was lost, a line each; empty if nothing was
  std::vector<MetadataChunk> metadata;
};

class Decoder {
 public:
  explicit Decoder(std::shared_ptr<const Model> model, CodecOptions options = {});
  ~Decoder();

  // Decodes from the source, reading no byte past the last layer it needs. Errors: kBadFile (not a .cmps
  // file, or over a limit of pixels or memory), kModel (made with another model: the message names it),
  // kDamaged (strict, or not even the base layer is whole), kUsage (layer, size or region that the file does
  // not have), kIo.
  Result<DecodedPicture> decode(ByteSource& source, const DecodeSettings& settings = {});

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace compass
