// Exp-Golomb codes in raw bits of a rANS state: for numbers without a table (escapes, exceptions).
//
// Order k, number u: with q = (u >> k) + 1 of w bits, w - 1 one-bits and a zero-bit, then the w - 1 low bits
// of q, then the k low bits of u. Bits are popped one group at a time: the prefix bit by bit, the others in
// groups of at most 16, the least significant group first.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "entropy/rans.h"

namespace compass {

inline constexpr int kRawGroupBits = 16;
inline constexpr int kMaxPrefix = 33;  // enough for every number < 2^33, which all of ours are

// Bits that number u takes.
inline int exp_golomb_bits(uint64_t u, int k = 0) {
  return 2 * std::bit_width((u >> k) + 1) - 1 + k;
}

// Collects raw bits in the order in which they will be popped, then pushes them the other way round.
class RawBits {
 public:
  void add(uint64_t value, int bits) {
    for (; bits > 0; bits -= kRawGroupBits, value >>= kRawGroupBits) {
      const int group = std::min(bits, kRawGroupBits);
      groups_.push_back({static_cast<uint32_t>(value & ((1U << group) - 1)), group});
    }
  }
  void add_exp_golomb(uint64_t u, int k) {
    const uint64_t q = (u >> k) + 1;
    const int suffix = std::bit_width(q) - 1;
    for (int i = 0; i < suffix; ++i) add(1, 1);
    add(0, 1);
    add(q & ((1ULL << suffix) - 1), suffix);
    add(u & ((1ULL << k) - 1), k);
  }
  // Pushes everything collected and forgets it.
  void flush_to(rans::Pusher& pusher) {
    for (; !groups_.empty(); groups_.pop_back()) {
      pusher.push_bits(groups_.back().value, groups_.back().bits);
    }
  }

 private:
  struct Group {
    uint32_t value;
    int bits;
  };
  std::vector<Group> groups_;
};

inline uint64_t pop_raw(rans::Popper& popper, int bits) {
  uint64_t value = 0;
  for (int at = 0; at < bits; at += kRawGroupBits) {
    value |= static_cast<uint64_t>(popper.pop_bits(std::min(bits - at, kRawGroupBits))) << at;
  }
  return value;
}

// False if the prefix is longer than any encoder writes. k <= 32.
inline bool pop_exp_golomb(rans::Popper& popper, int k, uint64_t* u) {
  int suffix = 0;
  while (popper.pop_bits(1) != 0) {
    if (++suffix > kMaxPrefix) return false;
  }
  const uint64_t q = (1ULL << suffix) | pop_raw(popper, suffix);
  if (q - 1 > (~0ULL >> k)) return false;
  *u = (q - 1) << k | pop_raw(popper, k);
  return true;
}

}  // namespace compass
