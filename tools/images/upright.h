// Turning a picture upright, as its orientation tag asks.
#pragma once

#include <cstdint>
#include <span>

#include "common/photo.h"
#include "core/size.h"
#include "image/image.h"

namespace compass::tools::images {

// Where samples go: index of (x, y) of the stored picture within a plane of the upright one.
class Upright {
 public:
  // `orientation`: Exif 2.3, tag 274: 1..8.
  Upright(Size stored, int orientation) : stored_(stored), orientation_(orientation) {}

  Size size() const { return orientation_ >= 5 ? Size{stored_.height, stored_.width} : stored_; }

  int64_t index(int x, int y) const {
    const int right = stored_.width - 1 - x;
    const int below = stored_.height - 1 - y;
    switch (orientation_) {
      case 2:
        return at(right, y);  // mirrored left to right
      case 3:
        return at(right, below);  // half a turn
      case 4:
        return at(x, below);  // upside down, mirrored
      case 5:
        return at(y, x);  // transposed
      case 6:
        return at(below, x);  // stored a quarter turn anticlockwise
      case 7:
        return at(below, right);  // transposed about the other diagonal
      case 8:
        return at(y, right);  // stored a quarter turn clockwise
      default:
        return at(x, y);
    }
  }

 private:
  int64_t at(int x, int y) const { return static_cast<int64_t>(y) * size().width + x; }

  Size stored_;
  int orientation_;
};

// Puts stored row `y`, samples as they come over the wire (wire.h), in its place of the upright picture.
inline void place_row(std::span<const uint8_t> row, int y, const Upright& upright, Photo& photo) {
  const bool alpha = photo.kinds.alpha, deep = photo.kinds.deep;
  const size_t pixel_bytes = (alpha ? 4 : 3) * (deep ? 2 : 1);
  const int width = static_cast<int>(row.size() / pixel_bytes);
  const int64_t start = upright.index(0, y);
  const int64_t step = width > 1 ? upright.index(1, y) - start : 0;
  const auto sample = [&](const uint8_t* in, int band) {  // of 16 bits, if the picture is deep
    return static_cast<uint16_t>(deep ? in[2 * band] | in[2 * band + 1] << 8 : in[band]);
  };
  const uint8_t* in = row.data();
  for (int64_t i = 0, at = start; i < width; ++i, at += step, in += pixel_bytes) {
    for (int c = 0; c < 3; ++c) {
      if (deep) {
        photo.deep.samples[3 * at + c] = sample(in, c);
      } else {
        photo.image.samples[3 * at + c] = in[c];
      }
    }
    if (alpha) photo.alpha.samples[at] = static_cast<uint8_t>(deep ? (sample(in, 3) + 128U) / 257U : in[3]);
  }
}

}  // namespace compass::tools::images
