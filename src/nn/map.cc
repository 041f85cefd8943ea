#include "nn/map.h"

#include <algorithm>

namespace compass::nn {

void clear_border(Map& map) {
  const Rect& part = map.part;
  const Rect& held = map.held;
  const auto clear = [&](int y, int from, int to) {
    std::fill_n(map.f32 + map.offset(y, from), static_cast<size_t>(to - from) * map.pitch, 0.0F);
  };
  const int right = held.x + held.width;
  for (int y = held.y; y < held.y + held.height; ++y) {
    if (y < part.y || y >= part.y + part.height) {
      clear(y, held.x, right);
    } else {
      clear(y, held.x, part.x);
      clear(y, part.x + part.width, right);
    }
  }
}

}  // namespace compass::nn
