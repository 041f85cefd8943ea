#include "nn/map.h"

#include <algorithm>
#include <cassert>
#include <cstring>

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

void slide_rows(Map& map, int first, int end) {
  assert(map.bf16 == nullptr && first >= map.part.y);
  const int border = map.part.y - map.held.y;
  const int kept = std::max(map.part.y + map.part.height, first);
  const size_t row = static_cast<size_t>(map.held.width) * map.pitch;
  std::memmove(map.f32 + border * row, map.f32 + static_cast<size_t>(first - map.held.y) * row,
               static_cast<size_t>(kept - first) * row * sizeof(float));
  map.part.y = first;
  map.part.height = end - first;
  map.held.y = first - border;
  map.held.height = end - first + 2 * border;
  clear_border(map);
}

}  // namespace compass::nn
