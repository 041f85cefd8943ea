// A picture: three planes of float samples, sRGB-coded, nominally in [0,1].
#pragma once

#include <array>
#include <cstdint>
#include <span>

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

  Size size() const { return size_; }
  int width() const { return size_.width; }
  int height() const { return size_.height; }

  float* row(int channel, int y) { return planes_[channel].data() + static_cast<size_t>(y) * size_.width; }
  const float* row(int channel, int y) const {
    return planes_[channel].data() + static_cast<size_t>(y) * size_.width;
  }
  std::span<float> plane(int channel) { return planes_[channel]; }
  std::span<const float> plane(int channel) const { return planes_[channel]; }

 private:
  Size size_;
  std::array<AlignedVector<float>, 3> planes_;
};

// Interleaved 8-bit RGB rows (no padding) to floats u8/255, and back: clamped to [0,1], times 255, rounded
// half up. `rgb` holds 3*width*height bytes.
Image from_rgb8(std::span<const uint8_t> rgb, Size size);
void to_rgb8(const Image& image, std::span<uint8_t> rgb);

// The same in pieces, for readers and writers that hold only a strip of bytes at a time: one row in
// (3*width bytes), and a rectangle inside the picture out (3*area.width*area.height bytes).
void from_rgb8_row(std::span<const uint8_t> rgb, Image& image, int y);
void to_rgb8(const Image& image, Rect area, std::span<uint8_t> rgb);

}  // namespace compass
