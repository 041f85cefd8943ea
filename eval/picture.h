// 8-bit pictures: what every codec here is given and what every codec is judged on.
#pragma once

#include <cstdint>
#include <vector>

#include "core/size.h"

namespace compass::eval {

// Interleaved 8-bit sRGB, no padding: sample (y, x, c) is rgb[(y * width + x) * 3 + c].
struct Picture {
  Size size;
  std::vector<uint8_t> rgb;

  Picture() = default;
  explicit Picture(Size s) : size(s), rgb(static_cast<size_t>(s.pixels()) * 3) {}
  bool operator==(const Picture&) const = default;

  const uint8_t* pixel(int y, int x) const {
    return rgb.data() + (static_cast<size_t>(y) * size.width + x) * 3;
  }
  uint8_t* pixel(int y, int x) { return rgb.data() + (static_cast<size_t>(y) * size.width + x) * 3; }
};

inline std::vector<Size> sizes_of(const std::vector<Picture>& pictures) {
  std::vector<Size> sizes;
  sizes.reserve(pictures.size());
  for (const Picture& picture : pictures) sizes.push_back(picture.size);
  return sizes;
}

}  // namespace compass::eval
