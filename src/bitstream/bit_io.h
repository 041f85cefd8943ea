// Single bits and Exp-Golomb numbers to and from bytes; the first bit is a byte's lowest.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace compass {

class BitWriter {
 public:
  void bits(uint64_t value, int count) {
    for (int i = 0; i < count; ++i) {
      if (used_ == 0) bytes_.push_back(0);
      bytes_.back() |= static_cast<uint8_t>((value >> i & 1) << used_);
      used_ = (used_ + 1) % 8;
    }
  }
  // Of order k: p ones, a zero, p bits v, k bits w; the number is ((2^p + v - 1) << k) + w. Numbers below
  // 2^40.
  void exp_golomb(uint64_t number, int k) {
    const uint64_t high = (number >> k) + 1;
    const int p = std::bit_width(high) - 1;
    bits(~uint64_t{0}, p);
    bits(0, 1);
    bits(high - (uint64_t{1} << p), p);
    bits(number, k);
  }
  // The bytes; bits of the last one that nobody wrote are 0.
  std::vector<uint8_t> finish() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
  int used_ = 0;  // bits of the last byte
};

// Running out gives zeros from then on and is_short().
class BitReader {
 public:
  explicit BitReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  uint64_t bits(int count) {
    uint64_t value = 0;
    for (int i = 0; i < count; ++i, ++at_) {
      if (at_ / 8 >= bytes_.size()) {
        short_ = true;
        return 0;
      }
      value |= static_cast<uint64_t>(bytes_[at_ / 8] >> at_ % 8 & 1) << i;
    }
    return value;
  }
  // As BitWriter's; one that no writer makes is a number above 2^40.
  uint64_t exp_golomb(int k) {
    constexpr int kMost = 41;
    int p = 0;
    while (p < kMost && bits(1) == 1) ++p;
    const uint64_t high = (uint64_t{1} << p) + bits(p) - 1;
    return (high << k) + bits(k);
  }
  bool is_short() const { return short_; }
  // Whether nothing but zero bits of the last byte is left.
  bool at_end() const {
    return (at_ + 7) / 8 == bytes_.size() && (at_ % 8 == 0 || bytes_.back() >> at_ % 8 == 0);
  }

 private:
  std::span<const uint8_t> bytes_;
  size_t at_ = 0;  // bits
  bool short_ = false;
};

}  // namespace compass
