// A file that layers are added to, one after the other, each predicted from the picture that a decoder makes
// of the last. Trying a layer leaves the file as it is, so that its quality can be searched for.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "codec/encoder_parts.h"

namespace compass {

// What is to be added.
struct NextLayer {
  Size size;
  double quality = 50.0;
  QualityMap map{};
};

// The file with that layer.
struct GrownFile {
  std::vector<uint8_t> bytes;
  EncodedLayer layer;
  ImageView picture;  // the layer's reconstruction, if it was measured
};

class GrowingFile {
 public:
  // A file without layers. `parts` must outlive the object.
  explicit GrowingFile(Encoder::Parts& parts) : parts_(parts) {}

  // Begins with a whole file, whose layers are decoded. Errors: kDamaged (any of it), kBadFile, kModel.
  Status open(std::vector<uint8_t> file, PredictionKind prediction);

  const std::vector<Size>& sizes() const { return sizes_; }
  const PictureKinds& kinds() const { return kinds_; }  // of a file with layers
  const EncodedLayer& layer(size_t k) const { return layers_[k]; }

  // Encodes a layer of `picture`. Of the settings, those that do not speak of single layers are kept to; the
  // first layer takes metadata and kinds along, later ones must be of the file's. Errors: kUsage, as
  // Encoder::encode.
  Result<GrownFile> with(const Original& picture, const NextLayer& layer, const EncodeSettings& settings,
                         int effort);
  // Takes what with() made: the next layer is predicted from it.
  Status take(GrownFile grown, PredictionKind prediction);

 private:
  Status read_header();
  LayerStream alpha_of(Size size, PlaneView alpha);

  Encoder::Parts& parts_;
  std::vector<uint8_t> file_;
  std::vector<Size> sizes_;
  std::vector<EncodedLayer> layers_;
  PictureKinds kinds_;
  ImageView top_;  // the last layer as decoded, and its alpha
  Plane top_alpha_;
  // The next layer's alpha, which is the same in each attempt.
  std::optional<LayerStream> next_alpha_;
  Plane next_alpha_plane_;
};

}  // namespace compass
