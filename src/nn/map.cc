#include "nn/map.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace compass::nn {

namespace {

void clear(Map& map, int y, int from, int to) {
  std::fill_n(map.f32 + map.offset(y, from), static_cast<size_t>(to - from) * map.pitch, 0.0F);
}

// Zeros what lies beside rows [first, end) of `part`.
void clear_sides(Map& map, int first, int end) {
  const int right = map.held.x + map.held.width;
  for (int y = first; y < end; ++y) {
    clear(map, y, map.held.x, map.part.x);
    clear(map, y, map.part.x + map.part.width, right);
  }
}

void clear_rows(Map& map, int first, int end) {
  for (int y = first; y < end; ++y) clear(map, y, map.held.x, map.held.x + map.held.width);
}

}  // namespace

void clear_border(Map& map) {
  const int end = map.part.y + map.part.height;
  clear_rows(map, map.held.y, map.part.y);
  clear_sides(map, map.part.y, end);
  clear_rows(map, end, map.held.y + map.held.height);
}

void slide_rows(Map& map, int first, int end, const SlideEdges& edges) {
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
  if (edges.top) clear_rows(map, map.held.y, first);
  clear_sides(map, kept, end);
  if (edges.bottom) clear_rows(map, end, map.held.y + map.held.height);
}

}  // namespace compass::nn
