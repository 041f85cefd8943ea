// A picture that was read from a file, and how to read it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bitstream/container.h"
#include "core/plane.h"
#include "image/image.h"

namespace compass::tools {

struct ReadSettings {
  bool strict = false;  // refuse what cannot be kept, instead of saying so in `notes`
  // Keep alpha and samples of more than 8 bits, and say that a picture is grey; else the picture is 8-bit
  // RGB, laid over white.
  bool kinds = false;
  bool profile = false;  // keep the colours of RGB pictures that have a profile of a matrix and curves
  uint64_t max_pixels = 400'000'000;  // checked against the header, before anything is decoded
  uint64_t max_memory = 0;            // bytes that reading may take, roughly; 0: the machine's memory
};

struct Photo {
  Rgb8Image image;  // upright, sRGB
  Rgb16Image deep;  // instead of that, where samples of more than 8 bits are kept
  Plane alpha;      // where it is kept
  PictureKinds kinds;
  Size size() const { return kinds.deep ? deep.size : image.size; }
  std::vector<MetadataChunk>
      metadata;  // Exif (orientation set to upright), XMP, the profile of other colours than sRGB
  std::vector<std::string> notes;  // what was dropped or changed, a line each
};

}  // namespace compass::tools
