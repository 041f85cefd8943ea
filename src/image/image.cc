#include "image/image.h"

#include <algorithm>
#include <cassert>

namespace compass {

Image from_rgb8(std::span<const uint8_t> rgb, Size size) {
  assert(rgb.size() == static_cast<size_t>(size.pixels()) * 3);
  Image image(size);
  const uint8_t* in = rgb.data();
  for (int y = 0; y < size.height; ++y) {
    from_rgb8_row({in, static_cast<size_t>(size.width) * 3}, image, y);
    in += static_cast<size_t>(size.width) * 3;
  }
  return image;
}

void to_rgb8(const Image& image, std::span<uint8_t> rgb) {
  to_rgb8(image, {0, 0, image.width(), image.height()}, rgb);
}

void from_rgb8_row(std::span<const uint8_t> rgb, Image& image, int y) {
  assert(rgb.size() == static_cast<size_t>(image.width()) * 3);
  for (int c = 0; c < 3; ++c) {
    float* out = image.row(c, y);
    // A division, not a product with 1/255: u8/255 rounded once is what every reader computes.
    for (int x = 0; x < image.width(); ++x) out[x] = static_cast<float>(rgb[3 * x + c]) / 255.0F;
  }
}

void to_rgb8(const Image& image, Rect area, std::span<uint8_t> rgb) {
  assert(rgb.size() == static_cast<size_t>(area.size().pixels()) * 3);
  const auto byte = [](float v) {
    // The comparison comes first so that a NaN becomes 0 instead of an undefined conversion.
    const float bounded = v > 0.0F ? std::min(v, 1.0F) : 0.0F;
    return static_cast<uint8_t>(bounded * 255.0F + 0.5F);
  };
  uint8_t* out = rgb.data();
  for (int y = area.y; y < area.y + area.height; ++y) {
    const float* r = image.row(0, y) + area.x;
    const float* g = image.row(1, y) + area.x;
    const float* b = image.row(2, y) + area.x;
    for (int x = 0; x < area.width; ++x, out += 3) {
      out[0] = byte(r[x]);
      out[1] = byte(g[x]);
      out[2] = byte(b[x]);
    }
  }
}

}  // namespace compass
