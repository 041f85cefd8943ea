// Little-endian integers and varints (LEB128: 7 bits a byte, the least significant first, the high bit set on
// all bytes but the last) to and from bytes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace compass {

class ByteWriter {
 public:
  void u8(uint8_t value) { bytes_.push_back(value); }
  void u16(uint16_t value) { little(value, 2); }
  void u32(uint32_t value) { little(value, 4); }
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) u8(static_cast<uint8_t>(value | 0x80));
    u8(static_cast<uint8_t>(value));
  }
  void append(std::span<const uint8_t> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  std::vector<uint8_t>& bytes() { return bytes_; }

 private:
  void little(uint32_t value, int count) {
    for (int i = 0; i < count; ++i) u8(static_cast<uint8_t>(value >> (8 * i)));
  }
  std::vector<uint8_t> bytes_;
};

// Reads forward. Running out is no error of the bytes: reads give 0 from then on, is_short() is true, and
// need() says how many bytes the read that failed wanted. A malformed varint sets malformed().
class ByteReader {
 public:
  explicit ByteReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  uint8_t u8() { return static_cast<uint8_t>(little(1)); }
  uint16_t u16() { return static_cast<uint16_t>(little(2)); }
  uint32_t u32() { return static_cast<uint32_t>(little(4)); }
  // At most 2^56 - 1, in as few bytes as will do.
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 56; shift += 7) {
      const uint64_t byte = u8();
      value |= (byte & 0x7F) << shift;
      if (byte < 0x80) {
        malformed_ = malformed_ || (byte == 0 && shift > 0 && !is_short());
        return value;
      }
    }
    malformed_ = true;
    return 0;
  }
  std::span<const uint8_t> take(size_t count) {
    if (!reserve(count)) return {};
    at_ += count;
    return bytes_.subspan(at_ - count, count);
  }
  // Whether `count` more bytes are there; if not, as a failed read.
  bool reserve(size_t count) {
    if (need_ == 0 && count > bytes_.size() - at_) need_ = at_ + count;
    return need_ == 0;
  }

  size_t at() const { return at_; }
  bool is_short() const { return need_ != 0; }
  size_t need() const { return need_; }
  bool malformed() const { return malformed_; }

 private:
  uint32_t little(int count) {
    if (!reserve(count)) return 0;
    uint32_t value = 0;
    for (int i = 0; i < count; ++i) value |= static_cast<uint32_t>(bytes_[at_ + i]) << (8 * i);
    at_ += count;
    return value;
  }

  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
  size_t need_ = 0;
  bool malformed_ = false;
};

}  // namespace compass
