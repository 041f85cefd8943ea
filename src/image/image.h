// A picture: three planes of float samples, sRGB-coded, nominally in [0,1].
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/samples.h"
#include "core/size.h"
#include "core/tensor.h"

namespace compass {

// Planar float picture [3,H,W]; plane order R, G, B. Values may leave [0,1] (reconstructions feed the next
// layer unclamped); to_rgb8 clamps.
class Image {
 public:
  Image() = default;
  explicit Image(Size size) : size_(size) {
    for (auto& plane : planes_) plane.assign(static_cast<size_t>(size.pixels()), 0.0F);
  }
  // An image whose samples are undefined until written.
  static Image unset(Size size) {
    Image image;
    image.size_ = size;
    for (auto& plane : image.planes_) plane.resize(static_cast<size_t>(size.pixels()));
    return image;
  }

  Size size() const { return size_; }
  int width() const { return size_.width; }
  int height() const { return size_.height; }

  float* row(int channel, int y) { return planes_[channel].data() + static_cast<size_t>(y) * size_.width; }
  const float* row(int channel, int y) const {
    return planes_[channel].data() + static_cast<size_t>(y) * size_.width;
  }
  // Gives the memory of rows [0, end) back to the system: their values are undefined from then on.
  void discard_rows(int end) {
    for (auto& plane : planes_) discard(plane.data(), sizeof(float) * size_.width * end);
  }
  std::span<float> plane(int channel) { return planes_[channel]; }
  std::span<const float> plane(int channel) const { return planes_[channel]; }

 private:
  Size size_;
  std::array<AlignedVector<float>, 3> planes_;
};

// A picture of interleaved RGB, as most picture files hold: of 8 bits a quarter of an Image's memory, of 16,
// in the machine's byte order, half of it. The view does not own its samples.
template <typename Sample>
struct RgbView {
  const Sample* data = nullptr;
  Size size;
  size_t stride = 0;  // samples from row to row, >= 3*width
  const Sample* row(int y) const { return data + static_cast<size_t>(y) * stride; }
};

// The same, owning its samples, rows without padding.
template <typename Sample>
struct RgbImage {
  Size size;
  AlignedVector<Sample> samples;  // 3*width*height

  RgbImage() = default;
  explicit RgbImage(Size s) : size(s), samples(static_cast<size_t>(s.pixels()) * 3) {}  // undefined
  Sample* row(int y) { return samples.data() + static_cast<size_t>(y) * size.width * 3; }
  RgbView<Sample> view() const { return {samples.data(), size, static_cast<size_t>(size.width) * 3}; }
};

using Rgb8View = RgbView<uint8_t>;
using Rgb8Image = RgbImage<uint8_t>;
using Rgb16View = RgbView<uint16_t>;
using Rgb16Image = RgbImage<uint16_t>;

// What is written of a grey picture's colours, which need not be decoded as the same: their mean, rounded.
inline uint32_t grey_of(uint32_t red, uint32_t green, uint32_t blue) {
  return (red + green + blue + 1) / 3;
}

// The float sample of every byte: byte / 255, rounded once. 256 entries.
const std::array<float, 256>& samples_of_bytes();

// Interleaved 16-bit RGB to floats, and back, as below.
Image from_rgb16(const Rgb16View& picture);
void to_rgb16(const Image& image, std::span<uint16_t> rgb);

// Interleaved 8-bit RGB rows (no padding) to floats u8/255, and back: clamped to [0,1], times 255, rounded
// half up. `rgb` holds 3*width*height bytes.
Image from_rgb8(std::span<const uint8_t> rgb, Size size);
Image from_rgb8(const Rgb8View& picture);
void to_rgb8(const Image& image, std::span<uint8_t> rgb);

// The same in pieces, for readers and writers that hold only a strip of bytes at a time: one row in
// (3*width bytes), and a rectangle inside the picture out (3*area.width*area.height bytes).
void from_rgb8_row(std::span<const uint8_t> rgb, Image& image, int y);
void to_rgb8(const Image& image, Rect area, std::span<uint8_t> rgb);

}  // namespace compass
