#include "codec/patch.h"

#include <algorithm>

namespace compass {

Rect united(Rect a, Rect b) {
  if (a.width <= 0 || a.height <= 0) return b;
  if (b.width <= 0 || b.height <= 0) return a;
  const int left = std::min(a.x, b.x), top = std::min(a.y, b.y);
  const int right = std::max(a.x + a.width, b.x + b.width);
  const int bottom = std::max(a.y + a.height, b.y + b.height);
  return {left, top, right - left, bottom - top};
}

std::vector<Rect> tiles_of(Rect whole, int side) {
  std::vector<Rect> tiles;
  for (int y = whole.y; y < whole.y + whole.height;) {
    const int bottom = std::min(whole.y + whole.height, (y / side + 1) * side);
    for (int x = whole.x; x < whole.x + whole.width;) {
      const int right = std::min(whole.x + whole.width, (x / side + 1) * side);
      tiles.push_back({x, y, right - x, bottom - y});
      x = right;
    }
    y = bottom;
  }
  return tiles;
}

Tensor to_tensor(const Patch& patch, Rect part) {
  Tensor map(3, part.height, part.width);
  for (int y = 0; y < part.height; ++y) {
    const int row = part.y - patch.at.y + y;
    const float* red = patch.image.row(0, row) + (part.x - patch.at.x);
    const float* green = patch.image.row(1, row) + (part.x - patch.at.x);
    const float* blue = patch.image.row(2, row) + (part.x - patch.at.x);
    float* out = map.pixel(y, 0);
    for (int x = 0; x < part.width; ++x) {
      out[3 * x] = red[x];
      out[3 * x + 1] = green[x];
      out[3 * x + 2] = blue[x];
    }
  }
  return map;
}

Image to_image(const Tensor& map) {
  const Rect all = {0, 0, map.width, map.height};
  Patch patch{Image(all.size()), all};
  write(map, all, patch);
  return std::move(patch.image);
}

void write(const Tensor& map, Rect part, Patch& patch) {
  for (int y = 0; y < part.height; ++y) {
    const int row = part.y - patch.at.y + y;
    const float* in = map.pixel(y, 0);
    for (int c = 0; c < 3; ++c) {
      float* out = patch.image.row(c, row) + (part.x - patch.at.x);
      for (int x = 0; x < part.width; ++x) out[x] = in[3 * x + c];
    }
  }
}

Tensor crop(const Tensor& map, Rect held, Rect part) {
  if (held == part) return map;
  Tensor result(map.channels, part.height, part.width);
  for (int y = 0; y < part.height; ++y) {
    const float* in = map.pixel(part.y - held.y + y, part.x - held.x);
    std::copy_n(in, static_cast<size_t>(part.width) * map.channels, result.pixel(y, 0));
  }
  return result;
}

void add(Tensor& a, const Tensor& b) {
  for (size_t i = 0; i < a.data.size(); ++i) a.data[i] += b.data[i];
}

void subtract(Tensor& a, const Tensor& b) {
  for (size_t i = 0; i < a.data.size(); ++i) a.data[i] -= b.data[i];
}

}  // namespace compass
