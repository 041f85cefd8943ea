// Picture in, `.cmps` bytes out.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "bitstream/container.h"
#include "bitstream/quality_map.h"
#include "codec/codec_options.h"
#include "codec/predictor.h"
#include "core/plane.h"
#include "core/result.h"
#include "image/image.h"
#include "model_file/model.h"

namespace compass {

// The most rounds of search; more find nothing.
inline constexpr int kMaxEffort = 40;
// From this quality of the largest layer on, the shipped model for high qualities takes fewer bits
// (docs/log/training.md).
inline constexpr double kHighQuality = 62.5;
// The default number of rounds for pictures up to kSearchedPixels: it gets most of the gain (docs/search.md).
// Larger pictures are not searched by default, to save time and memory.
inline constexpr int kDefaultEffort = 2;
inline constexpr int64_t kSearchedPixels = int64_t{16} << 20;

struct LayerLatents;

// What a layer should take or be: the best quality that takes no more than that, within two percent where the
// model's qualities reach it; or for kPsnr a quality that is no less good, and
// no more than 0.05 dB better.
struct Target {
  enum class Kind {
    kBytes,         // of the file up to the layer's end
    kBitsPerPixel,  // the same, for each of the layer's pixels
    kPsnr,          // dB, as EncodedLayer has it
  };
  Kind kind = Kind::kBytes;
  double value = 0.0;
};

// What bits are spent for.
enum class Tune {
  kError,   // the least squared error
  kVisual,  // what is seen: errors count less where a picture is busy (codec/visual_weights.h)
};

struct EncodeSettings {
  std::vector<Size> sizes;              // lowest first; the last must be the picture's own size
  double quality = 50.0;                // 0..100; a fixed-rate model ignores it
  std::vector<double> layer_qualities;  // one for each layer; empty: `quality` for all
  // Instead of qualities: one for each layer, which are searched for from the base layer up; or one, for the
  // top layer, and all layers have the same quality. Not for models with a single rate.
  std::vector<Target> targets;
  // One for each layer, or empty: no maps. Not for models with a single rate.
  std::vector<QualityMap> quality_maps;
  // kVisual adds to the maps, if the model has several rates.
  Tune tune = Tune::kError;
  // 0..kMaxEffort: rounds of search for symbols that cost less; see codec/layer_search.h. Unset:
  // kDefaultEffort, or 0 where the picture is too large for it or the model cannot be searched with.
  std::optional<int> effort;
  std::vector<MetadataChunk> metadata;
  // Of the picture's size, kept without loss; none, or opaque everywhere: the picture has no alpha. Colours
  // that nobody sees are replaced.
  PlaneView alpha;
  // What the file is to say of the picture (PictureKinds); `alpha` of it is ignored.
  PictureKinds kinds;
  PredictionKind prediction = PredictionKind::kLiff;  // decode with the same
  bool measure = false;               // fill EncodedLayer::psnr: costs decoding the top layer, too
  bool keep_reconstructions = false;  // only with `measure`
  Progress progress;
  // Called with what is coded for each layer, for those who count symbols (lab/fit).
  std::function<void(int k, const LayerLatents& latents)> latents;
};

struct EncodedLayer {
  Size size;
  uint64_t bytes = 0;        // of this layer alone, its alpha included
  uint64_t alpha_bytes = 0;  // of its alpha
  // dB, RGB, of the 8-bit reconstruction against this layer's 8-bit original; NaN if not measured.
  double psnr = 0.0;
  double quality = 0.0;
};

struct EncodedPicture {
  std::vector<uint8_t> bytes;  // the whole file
  std::vector<EncodedLayer> layers;
  int effort = 0;                      // rounds of search that were spent
  std::vector<Image> reconstructions;  // unclamped, one per layer, if asked for
};

class Encoder {
 public:
  explicit Encoder(std::shared_ptr<const Model> model, CodecOptions options = {});
  ~Encoder();

  // Encodes `picture` at settings.sizes. Errors: kUsage (sizes that shrink, quality out of range, more layers
  // than the model has networks for), kBadFile (over a limit of pixels or memory), kModel (the model is a
  // decoder alone).
  Result<EncodedPicture> encode(const Image& picture, const EncodeSettings& settings);
  // The same file for the same samples, in less memory.
  Result<EncodedPicture> encode(const Rgb8View& picture, const EncodeSettings& settings);
  Result<EncodedPicture> encode(const Rgb16View& picture, const EncodeSettings& settings);

  // Adds a layer, `picture` in its own size, to a file of this model. What the file has stays as it is, byte
  // for byte, but for its header; metadata, too, and settings must bring none. Sizes are the file's and the
  // picture's: settings.sizes is empty. Qualities, maps and targets are the new layer's, one at most. What
  // kind of picture it is stays, too: a file without alpha takes none, and one with it takes 255 where there
  // is none; a grey one takes grey, and one with colours of its own those (settings.kinds). Errors: also
  // kUsage (the picture is smaller than the file's largest layer on a side), kDamaged (any of the file),
  // kModel.
  Result<EncodedPicture> append(std::span<const uint8_t> file, const Rgb8View& picture,
                                const EncodeSettings& settings);
  Result<EncodedPicture> append(std::span<const uint8_t> file, const Rgb16View& picture,
                                const EncodeSettings& settings);

  struct Parts;  // codec/encoder_parts.h

 private:
  template <typename Picture>
  Result<EncodedPicture> encode_with_alpha(const Picture& picture, const EncodeSettings& settings);
  template <typename Picture>
  Result<EncodedPicture> append_with_alpha(std::span<const uint8_t> file, const Picture& picture,
                                           const EncodeSettings& settings);

  std::unique_ptr<Parts> parts_;
};

// Whether a model has what encoding needs. Error: kModel.
Status check_encodes(const Model& model);

// Whether these can be the layers of a picture of this size, lowest first. Error: kUsage.
Status check_sizes(const std::vector<Size>& sizes, Size picture);

// Layer sizes from factors of the full size: each side is max(1, trunc(scale * side)), as the reference's
// evaluation truncates. Errors: kUsage if a factor is not in (0,1], if they fall, or if the last is not 1.
Result<std::vector<Size>> sizes_from_scales(Size full, std::span<const double> scales);

// `layers` factors: halves down from 1 ({0.25, 0.5, 1} for three).
std::vector<double> default_scales(int layers);

}  // namespace compass
