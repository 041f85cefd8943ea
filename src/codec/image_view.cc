#include "codec/image_view.h"

#include <algorithm>

namespace compass {

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

void to_map(const Image& image, Rect have, Rect part, ThreadPool& pool, Tensor& map) {
  map.reshape(3, part.height, part.width);
  for_rows(pool, part.height, [&](int y) {
    const int row = part.y - have.y + y;
    const float* red = image.row(0, row) + (part.x - have.x);
    const float* green = image.row(1, row) + (part.x - have.x);
    const float* blue = image.row(2, row) + (part.x - have.x);
    float* out = map.pixel(y, 0);
    for (int x = 0; x < part.width; ++x) {
      out[3 * x] = red[x];
      out[3 * x + 1] = green[x];
      out[3 * x + 2] = blue[x];
    }
  });
}

}  // namespace compass
