// `.cmps` bytes in, a picture out.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bitstream/container.h"
#include "codec/byte_source.h"
#include "codec/codec_options.h"
#include "codec/predictor.h"
#include "core/plane.h"
#include "core/result.h"
#include "image/image.h"
#include "model_file/model.h"

namespace compass {

class PixelSink;  // codec/pixel_sink.h
struct DecodedPicture;

struct DecodeSettings {
  std::optional<int> layer;  // 0 is the base layer; default: the top layer
  std::optional<Size> size;  // exactly this size: the smallest layer that holds it, antialiased down; above
                             // the top layer, LIFF's prediction. Not together with `layer`.
  // A rectangle of the chosen layer; not together with `size`. If that layer is lost and a lower one is
  // decoded instead: the smallest rectangle of the lower layer that covers the same part of the picture.
  std::optional<Rect> region;
  PredictionKind prediction = PredictionKind::kLiff;  // as the file was encoded
  bool as_bytes = false;  // the picture as DecodedPicture::rgb: a quarter of the memory
  bool strict = false;    // a damaged or missing layer is an error instead of a smaller picture
  // Makes what takes the pixels instead of DecodedPicture. It is asked once all else of the picture is known.
  std::function<std::unique_ptr<PixelSink>(const DecodedPicture& about, Size size)> make_sink;
  int sink_pixel_bytes = 0;  // what the sink keeps of each pixel, for max_memory
  Progress progress;
};

struct DecodedPicture {
  Image image;    // unclamped; empty if bytes were asked for, or a sink has them
  Rgb8Image rgb;  // else this is empty
  Plane alpha;    // of the same size; empty if the file has none
  PictureKinds kinds;
  Size size() const { return rgb.samples.empty() ? image.size() : rgb.size; }
  int layer = 0;  // the layer it came from
  Rect part;      // what of that layer: all of it unless a region was asked for
  // What was lost, a line each; empty if nothing was. A block that is lost costs its part of a large layer,
  // which is then as predicted from the layer below.
  std::vector<std::string> damage;
  std::vector<MetadataChunk> metadata;
};

struct CodecRuntime;

class Decoder {
 public:
  explicit Decoder(std::shared_ptr<const Model> model, CodecOptions options = {});
  ~Decoder();

  // Decodes from the source, reading no byte past the last layer it needs, and skipping the blocks of large
  // layers that a region does not need. Errors: kBadFile (not a .cmps file, or over a limit of pixels or
  // memory), kModel (made with another model: the message names it), kDamaged (strict, or nothing of the base
  // layer is left), kUsage (layer, size or region that the file does not have), kIo.
  Result<DecodedPicture> decode(ByteSource& source, const DecodeSettings& settings = {});

  // The bytes of the file that decode() would read, sorted and merged. Reads the header and the large layers'
  // indexes. Errors: as decode(), and kDamaged (an index).
  Result<std::vector<ByteRange>> byte_ranges(ByteSource& source, const DecodeSettings& settings = {});

  // For those who decode layer by layer (codec/progressive.h).
  CodecRuntime& runtime();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace compass
