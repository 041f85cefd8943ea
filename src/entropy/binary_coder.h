// A binary range coder: 32 bits, without carries. The interval [low, high] is cut in proportion to the
// probability of a 1; leading bytes that both ends share are put out. A reader goes on with zeros behind the
// end, so that a writer leaves those out.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace compass {

class BinaryInterval {
 public:
  // The last number of the part that a 1 takes; `one` is its probability in 65536ths, 1..65535. Both parts
  // have a number at least while high > low.
  uint32_t split(uint32_t one) const {
    return low + static_cast<uint32_t>((uint64_t{high} - low) * one >> 16);
  }
  void take(bool bit, uint32_t at) {
    if (bit)
      high = at;
    else
      low = at + 1;
  }
  bool settled() const { return ((low ^ high) >> 24) == 0; }
  void shift() {
    low <<= 8;
    high = high << 8 | 255;
  }

  uint32_t low = 0;
  uint32_t high = 0xFFFFFFFF;
};

class BinaryWriter {
 public:
  void put(bool bit, uint32_t one) {
    interval_.take(bit, interval_.split(one));
    for (; interval_.settled(); interval_.shift())
      bytes_.push_back(static_cast<uint8_t>(interval_.high >> 24));
  }

  // The stream: as few bytes as say which interval it is.
  std::vector<uint8_t> finish() && {
    uint32_t value = interval_.low;
    for (int bits = 32; bits > 0; bits -= 8) {  // the roundest number that is not below the interval
      const uint32_t below = bits == 32 ? 0xFFFFFFFF : (1U << bits) - 1;
      const uint64_t up = (uint64_t{interval_.low} + below) & ~uint64_t{below};
      if (up > interval_.high) continue;
      value = static_cast<uint32_t>(up);
      break;
    }
    for (int shift = 24; shift >= 0; shift -= 8) bytes_.push_back(static_cast<uint8_t>(value >> shift));
    while (!bytes_.empty() && bytes_.back() == 0) bytes_.pop_back();
    return std::move(bytes_);
  }

 private:
  BinaryInterval interval_;
  std::vector<uint8_t> bytes_;
};

class BinaryReader {
 public:
  explicit BinaryReader(std::span<const uint8_t> bytes) : bytes_(bytes) {
    for (int i = 0; i < 4; ++i) value_ = value_ << 8 | next();
  }

  bool get(uint32_t one) {
    const uint32_t at = interval_.split(one);
    const bool bit = value_ <= at;
    interval_.take(bit, at);
    for (; interval_.settled(); interval_.shift()) value_ = value_ << 8 | next();
    return bit;
  }

  // Bytes that nothing was read from.
  size_t left() const { return bytes_.size(); }

 private:
  uint32_t next() {
    if (bytes_.empty()) return 0;
    const uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }

  std::span<const uint8_t> bytes_;
  BinaryInterval interval_;
  uint32_t value_ = 0;
};

}  // namespace compass
