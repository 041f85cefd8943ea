// Picture and feature-map sizes.
#pragma once

#include <cstdint>

namespace compass {

// Width and height in pixels (or latent positions). Both >= 1 in a valid size.
struct Size {
  int width = 0;
  int height = 0;
  bool operator==(const Size&) const = default;
  int64_t pixels() const { return static_cast<int64_t>(width) * height; }
};

// A rectangle of pixels: [x, x + width) x [y, y + height).
struct Rect {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
  bool operator==(const Rect&) const = default;
  Size size() const { return {width, height}; }
};

}  // namespace compass
