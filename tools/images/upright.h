// Turning a picture upright, as its orientation tag asks.
#pragma once

#include <cstdint>
#include <span>

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

// Puts stored row `y`, 3 bytes per pixel, in its place of the upright picture.
inline void place_row(std::span<const uint8_t> row, int y, const Upright& upright, Rgb8Image& image) {
  const int width = static_cast<int>(row.size() / 3);
  const int64_t start = upright.index(0, y);
  const int64_t stride = width > 1 ? upright.index(1, y) - start : 0;
  const uint8_t* in = row.data();
  uint8_t* out = image.bytes.data() + 3 * start;
  for (int x = 0; x < width; ++x, in += 3, out += 3 * stride) {
    out[0] = in[0];
    out[1] = in[1];
    out[2] = in[2];
  }
}

}  // namespace compass::tools::images
