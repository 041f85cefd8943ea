#include "entropy/trellis.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace compass {

std::vector<Rect> trellis_blocks(Size positions) {
  std::vector<Rect> blocks;
  for (int y = 0; y < positions.height; y += kTrellisBlock) {
    for (int x = 0; x < positions.width; x += kTrellisBlock) {
      blocks.push_back({x, y, std::min(kTrellisBlock, positions.width - x),
                        std::min(kTrellisBlock, positions.height - y)});
    }
  }
  return blocks;
}

void TrellisOrder::load(const uint8_t* indexes, size_t stride, Size block, int channels) {
  counts_.assign(channels, 0);
  if (elements_.size() < channels * kStride) elements_.resize(channels * kStride);
  Element* const elements = elements_.data();
  uint16_t* const counts = counts_.data();
  // Writes in any case, and keeps what is coded: that is faster than asking.
  const auto take = [=](int c, uint8_t index, int position) {
    elements[c * kStride + counts[c]] = {static_cast<uint16_t>(index << Element::kPositionBits | position)};
    counts[c] += index != 0 ? 1 : 0;
  };
  for (int y = 0; y < block.height; ++y) {
    for (int x = 0; x < block.width; ++x) {
      const uint8_t* own = indexes + y * stride + static_cast<size_t>(x) * channels;
      const int position = kTrellisBlock * y + x;
      int c = 0;
      for (; c + 8 <= channels; c += 8) {
        uint64_t eight = 0;
        std::memcpy(&eight, own + c, 8);
        if (eight == 0) continue;
        for (int j = c; j < c + 8; ++j) take(j, own[j], position);
      }
      for (; c < channels; ++c) take(c, own[c], position);
    }
  }
}

size_t TrellisOrder::count() const {
  return std::accumulate(counts_.begin(), counts_.end(), size_t{0});
}

TrellisOffsets::TrellisOffsets(size_t stride, int channels) : offsets_(kTrellisBlock * kTrellisBlock) {
  for (int i = 0; i < kTrellisBlock * kTrellisBlock; ++i) {
    offsets_[i] = i / kTrellisBlock * stride + static_cast<size_t>(i % kTrellisBlock) * channels;
  }
}

}  // namespace compass
