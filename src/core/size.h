// Picture and feature-map sizes, and rectangles of them.
#pragma once

#include <algorithm>
#include <cstdint>

namespace compass {

// The largest width and height of a picture or layer. Sums and small multiples of sides then fit in an int.
inline constexpr int kMaxSide = 1 << 29;

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

// All of a picture or map of this size.
inline Rect whole(Size size) {
  return {0, 0, size.width, size.height};
}

// The smallest rectangle that holds both. An empty rectangle (no width or height) holds nothing.
inline Rect united(Rect a, Rect b) {
  if (a.width <= 0 || a.height <= 0) return b;
  if (b.width <= 0 || b.height <= 0) return a;
  const int left = std::min(a.x, b.x), top = std::min(a.y, b.y);
  const int right = std::max(a.x + a.width, b.x + b.width);
  const int bottom = std::max(a.y + a.height, b.y + b.height);
  return {left, top, right - left, bottom - top};
}

// `rect` with `halo` pixels more on every side, clipped to a picture of size `full`.
inline Rect grown(Rect rect, int halo, Size full) {
  const int left = std::max(rect.x - halo, 0);
  const int top = std::max(rect.y - halo, 0);
  return {left, top, std::min(rect.x + rect.width + halo, full.width) - left,
          std::min(rect.y + rect.height + halo, full.height) - top};
}

}  // namespace compass
