// One channel of 8-bit samples: a picture's alpha, 0 for transparent, 255 for opaque.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/size.h"
#include "core/tensor.h"

namespace compass {

// Does not own its samples. No samples at all stand for a plane that is not there.
struct PlaneView {
  const uint8_t* data = nullptr;
  Size size;
  size_t stride = 0;  // bytes from row to row, >= width
  const uint8_t* row(int y) const { return data + static_cast<size_t>(y) * stride; }
  bool empty() const { return data == nullptr; }
  PlaneView part(Rect r) const { return {row(r.y) + r.x, r.size(), stride}; }
};

struct Plane {
  Size size;
  AlignedVector<uint8_t> samples;  // width*height

  Plane() = default;
  explicit Plane(Size s) : size(s), samples(static_cast<size_t>(s.pixels())) {}  // samples are undefined
  Plane(Size s, uint8_t value) : Plane(s) { std::fill(samples.begin(), samples.end(), value); }
  bool empty() const { return samples.empty(); }
  uint8_t* row(int y) { return samples.data() + static_cast<size_t>(y) * size.width; }
  const uint8_t* row(int y) const { return samples.data() + static_cast<size_t>(y) * size.width; }
  PlaneView view() const { return {samples.data(), size, static_cast<size_t>(size.width)}; }
};

}  // namespace compass
