#include "entropy/alpha_below.h"

#include <algorithm>

namespace compass {

Rect alpha_below(Size layer, Rect block, Size below) {
  const auto first = [](int64_t x, int64_t side, int64_t other) {
    return static_cast<int>(x * other / side);
  };
  const auto end = [](int64_t x, int64_t side, int64_t other) {
    return static_cast<int>((x * other + side - 1) / side);
  };
  const int x = first(block.x, layer.width, below.width);
  const int y = first(block.y, layer.height, below.height);
  return {x, y, end(int64_t{block.x} + block.width, layer.width, below.width) - x,
          end(int64_t{block.y} + block.height, layer.height, below.height) - y};
}

AlphaEstimate::AlphaEstimate(Size layer, Rect block, const AlphaBelow& below) {
  if (below.samples.empty()) return;
  const Rect part = alpha_below(layer, block, below.size);
  samples_ = below.samples.part({part.x - below.held.x, part.y - below.held.y, part.width, part.height});
  for (int x = 0; x < block.width; ++x) {
    columns_.push_back(place(block.x + x, layer.width, below.size.width, part.x, part.width));
  }
  for (int y = 0; y < block.height; ++y) {
    rows_.push_back(place(block.y + y, layer.height, below.size.height, part.y, part.height));
  }
}

AlphaEstimate::Place AlphaEstimate::place(int x, int64_t side, int64_t below, int begin, int length) {
  const int64_t twice = (2 * int64_t{x} + 1) * below;  // the pixel's centre, in parts of 2 * side
  // From the first centre below on, in 256ths.
  const int64_t at = twice / (2 * side) * 256 + twice % (2 * side) * 256 / (2 * side) - 128;
  const auto inside = [&](int64_t i) {
    return static_cast<int>(std::clamp<int64_t>(i - begin, 0, length - 1));
  };
  return {inside(twice / (2 * side)), static_cast<int>(twice / side % 2), inside(at >> 8),
          inside((at >> 8) + 1), static_cast<int>(at & 255)};
}

void AlphaEstimate::row(int y, uint8_t* out) const {
  const Place& row = rows_[y];
  const uint8_t* const upper = samples_.row(row.first);
  const uint8_t* const lower = samples_.row(row.second);
  for (const Place& at : columns_) {
    const int up = upper[at.first] * (256 - at.share) + upper[at.second] * at.share;
    const int down = lower[at.first] * (256 - at.share) + lower[at.second] * at.share;
    *out++ = static_cast<uint8_t>((up * (256 - row.share) + down * row.share + 32768) >> 16);
  }
}

AlphaEstimate::Around AlphaEstimate::around(int x, int y) const {
  const Place& row = rows_[y];
  const Place& at = columns_[x];
  const uint8_t* const mid = samples_.row(row.centre);
  return {mid[at.centre],
          mid[std::max(at.centre - 1, 0)],
          mid[std::min(at.centre + 1, samples_.size.width - 1)],
          samples_.row(std::max(row.centre - 1, 0))[at.centre],
          samples_.row(std::min(row.centre + 1, samples_.size.height - 1))[at.centre],
          2 * row.half + at.half};
}

}  // namespace compass
