#include "entropy/bit_mixer.h"

#include <algorithm>
#include <vector>

namespace compass {
namespace {

// 65536 / (1 + exp(-x)) for x = 0, 0.5, ..., 11; the probabilities of negative ones are what is left to 1.
constexpr std::array<int, 23> kCurve = {32768, 40793, 47911, 53581, 57724, 60565, 62428, 63615,
                                        64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500,
                                        65514, 65523, 65528, 65531, 65533, 65534, 65535};
constexpr int kSegment = 128;  // log odds between two of them

std::array<int16_t, 4096> inverse() {
  std::array<int16_t, 4096> table;
  constexpr int kMost = 2047;
  size_t next = 0;
  for (int x = -kMost; x <= kMost; ++x) {
    for (const size_t end = (probability_of(x) >> 4) + 1; next < end; ++next)
      table[next] = static_cast<int16_t>(x);
  }
  for (; next < table.size(); ++next) table[next] = kMost;
  return table;
}

}  // namespace

uint32_t probability_of(int log_odds) {
  const int x = log_odds < 0 ? -log_odds : log_odds;
  const int at = x / kSegment;
  const int rest = x % kSegment;
  int p = kCurve[at];
  if (rest > 0) p += ((kCurve[at + 1] - p) * rest + kSegment / 2) / kSegment;
  return static_cast<uint32_t>(log_odds < 0 ? 65536 - p : p);
}

int log_odds_of(uint32_t probability) {
  static const std::array<int16_t, 4096> table = inverse();
  return table[probability];
}

}  // namespace compass
