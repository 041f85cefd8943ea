#include "image/image.h"

#include <cassert>

namespace compass {

const std::array<float, 256>& samples_of_bytes() {
  static const std::array<float, 256> table = [] {
    std::array<float, 256> samples;
    // A division, not a product with 1/255: u8/255 rounded once is what every reader computes.
    for (int i = 0; i < 256; ++i) samples[i] = static_cast<float>(i) / 255.0F;
    return samples;
  }();
  return table;
}

Image from_rgb8(std::span<const uint8_t> rgb, Size size) {
  assert(rgb.size() == static_cast<size_t>(size.pixels()) * 3);
  return from_rgb8(Rgb8View{rgb.data(), size, static_cast<size_t>(size.width) * 3});
}

Image from_rgb8(const Rgb8View& picture) {
  Image image = Image::unset(picture.size);
  const size_t row_bytes = static_cast<size_t>(picture.size.width) * 3;
  for (int y = 0; y < picture.size.height; ++y) from_rgb8_row({picture.row(y), row_bytes}, image, y);
  return image;
}

Image from_rgb16(const Rgb16View& picture) {
  Image image = Image::unset(picture.size);
  for (int y = 0; y < picture.size.height; ++y) {
    const uint16_t* in = picture.row(y);
    for (int c = 0; c < 3; ++c) {
      float* out = image.row(c, y);
      for (int x = 0; x < picture.size.width; ++x) out[x] = sample_of_deep(in[3 * x + c]);
    }
  }
  return image;
}

void to_rgb16(const Image& image, std::span<uint16_t> rgb) {
  assert(rgb.size() == static_cast<size_t>(image.size().pixels()) * 3);
  for (int c = 0; c < 3; ++c) {
    const auto plane = image.plane(c);
    for (size_t i = 0; i < plane.size(); ++i) rgb[3 * i + c] = deep_of_sample(plane[i]);
  }
}

void to_rgb8(const Image& image, std::span<uint8_t> rgb) {
  to_rgb8(image, {0, 0, image.width(), image.height()}, rgb);
}

void from_rgb8_row(std::span<const uint8_t> rgb, Image& image, int y) {
  assert(rgb.size() == static_cast<size_t>(image.width()) * 3);
  const auto& samples = samples_of_bytes();
  for (int c = 0; c < 3; ++c) {
    float* out = image.row(c, y);
    for (int x = 0; x < image.width(); ++x) out[x] = samples[rgb[3 * x + c]];
  }
}

void to_rgb8(const Image& image, Rect area, std::span<uint8_t> rgb) {
  assert(rgb.size() == static_cast<size_t>(area.size().pixels()) * 3);
  uint8_t* out = rgb.data();
  for (int y = area.y; y < area.y + area.height; ++y) {
    const float* r = image.row(0, y) + area.x;
    const float* g = image.row(1, y) + area.x;
    const float* b = image.row(2, y) + area.x;
    for (int x = 0; x < area.width; ++x, out += 3) {
      out[0] = byte_of_sample(r[x]);
      out[1] = byte_of_sample(g[x]);
      out[2] = byte_of_sample(b[x]);
    }
  }
}

}  // namespace compass
