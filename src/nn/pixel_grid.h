// Where the pixels of a map lie in memory.
#pragma once

#include <cstddef>

namespace compass::nn {

// Pixels of a map: channel c of (y, x) is at data[y * row + x * pitch + c].
template <typename Float>
struct PixelGrid {
  Float* data = nullptr;
  size_t row = 0;
  size_t pitch = 0;
};

}  // namespace compass::nn
