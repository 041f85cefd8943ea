#include "patch_grid.h"

#include <algorithm>
#include <bit>

namespace compass::train {
namespace {

// SplitMix64's finaliser: every bit of the result depends on every bit of x.
uint64_t mixed(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

}  // namespace

PatchGrid::PatchGrid(const std::vector<Picture>& pictures, int64_t size) : pictures_(pictures), size_(size) {
  for (const Picture& picture : pictures) {
    first_.push_back(first_.back() + (picture.pixels.size(1) / size) * (picture.pixels.size(2) / size));
  }
}

torch::Tensor PatchGrid::patch(int64_t i) const {
  const auto next = std::ranges::upper_bound(first_, i);
  const torch::Tensor& pixels = pictures_[next - first_.begin() - 1].pixels;
  const int64_t columns = pixels.size(2) / size_, at = i - *(next - 1);
  const int64_t y = at / columns * size_, x = at % columns * size_;
  return pixels.slice(1, y, y + size_).slice(2, x, x + size_).to(torch::kFloat) / 255.0;
}

torch::Tensor PatchGrid::patches(int64_t first, int64_t count, uint64_t seed) const {
  std::vector<torch::Tensor> list;
  for (int64_t place = first; place < first + count; ++place) {
    const int64_t epoch = place / this->count();
    list.push_back(patch(shuffled(place % this->count(), this->count(), seed + mixed(epoch + 1))));
  }
  return torch::stack(list);
}

// A Feistel network permutes the smallest square power of two that holds `count` (Luby and Rackoff, 1988);
// values outside are sent through again until they fall inside, which keeps it a permutation.
int64_t shuffled(int64_t i, int64_t count, uint64_t seed) {
  constexpr int kRounds = 6;
  const int half = (std::bit_width(static_cast<uint64_t>(count - 1)) + 1) / 2;
  const uint64_t mask = (uint64_t{1} << half) - 1;
  auto x = static_cast<uint64_t>(i);
  do {
    uint64_t left = x >> half, right = x & mask;
    for (int round = 0; round < kRounds; ++round) {
      const uint64_t next = left ^ (mixed(right + seed + 0x9E3779B97F4A7C15ULL * (round + 1)) & mask);
      left = right;
      right = next;
    }
    x = left << half | right;
  } while (x >= static_cast<uint64_t>(count));
  return static_cast<int64_t>(x);
}

}  // namespace compass::train
