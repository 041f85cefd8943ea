// The bytes of an Exif block: numbers, directories and their entries (TIFF 6.0).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace compass::tools::images::exif {

inline constexpr size_t kEntryBytes =
    12;  // tag (2), type (2), number of values (4), values or where they lie (4)

// TIFF 6.0 and Exif 2.32.
// Tags that are used here.
enum Tag : uint32_t {
  kInteropIndex = 0x0001,
  kImageWidth = 0x0100,
  kImageLength = 0x0101,
  kStripOffsets = 0x0111,
  kOrientation = 0x0112,
  kStripByteCounts = 0x0117,
  kXResolution = 0x011A,
  kYResolution = 0x011B,
  kResolutionUnit = 0x0128,
  kTransferFunction = 0x012D,
  kWhitePoint = 0x013E,
  kPrimaryChromaticities = 0x013F,
  kSubIfds = 0x014A,
  kThumbnailOffset = 0x0201,
  kThumbnailLength = 0x0202,
  kExifIfd = 0x8769,
  kIccProfile = 0x8773,
  kGpsIfd = 0x8825,
  kSubjectArea = 0x9214,
  kColourSpace = 0xA001,
  kPixelXDimension = 0xA002,
  kPixelYDimension = 0xA003,
  kInteropIfd = 0xA005,
  kSubjectLocation = 0xA214,
  kGamma = 0xA500,
};

enum Type : uint32_t { kByte = 1, kAscii = 2, kShort = 3, kLong = 4, kRational = 5 };

// Bytes of one value; 0 for types that do not exist.
inline uint32_t type_bytes(uint32_t type) {
  constexpr std::array<uint32_t, 14> kBytes{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4};
  return type < kBytes.size() ? kBytes[type] : 0;
}

// Offsets in a block.
struct Range {
  size_t begin = 0;
  size_t end = 0;
};

// The block: numbers in its byte order, and its directories. Reading beyond the end gives 0; writing there
// does nothing.
class Block {
 public:
  explicit Block(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {
    little_ = !bytes_.empty() && bytes_[0] == 'I';
  }

  bool valid() const {
    return bytes_.size() >= 8 && (bytes_[0] == 'I' || bytes_[0] == 'M') && bytes_[1] == bytes_[0] &&
           number(2, 2) == 42 && inside(first(), 2);
  }
  size_t first() const { return number(4, 4); }
  bool inside(size_t at, size_t count) const { return at <= bytes_.size() && bytes_.size() - at >= count; }

  uint32_t number(size_t at, size_t count) const {
    if (!inside(at, count)) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) value = value << 8 | bytes_[at + (little_ ? count - 1 - i : i)];
    return value;
  }
  void set_number(size_t at, size_t count, uint32_t value) {
    if (!inside(at, count)) return;
    for (size_t i = 0; i < count; ++i, value >>= 8) {
      bytes_[at + (little_ ? i : count - 1 - i)] = static_cast<uint8_t>(value & 255);
    }
  }

  // Entries of a directory, as far as the block holds them.
  size_t entries(size_t directory) const {
    if (!inside(directory, 2)) return 0;
    return std::min<size_t>(number(directory, 2), (bytes_.size() - directory - 2) / kEntryBytes);
  }
  static size_t entry(size_t directory, size_t i) { return directory + 2 + kEntryBytes * i; }
  uint32_t tag(size_t entry) const { return number(entry, 2); }
  // Where an entry's values lie; empty if that is not inside the block.
  Range values(size_t entry) const {
    const uint64_t bytes = uint64_t{type_bytes(number(entry + 2, 2))} * number(entry + 4, 4);
    const size_t at = bytes <= 4 ? entry + 8 : number(entry + 8, 4);
    if (bytes == 0 || bytes > bytes_.size() || !inside(at, bytes)) return {};
    return {at, at + bytes};
  }
  // The entry's only, or first, whole number; 0 if it is none.
  uint32_t value(size_t entry) const {
    const uint32_t type = number(entry + 2, 2);
    const Range where = values(entry);
    if (where.begin == where.end || (type != kByte && type != kShort && type != kLong)) return 0;
    return number(where.begin, type_bytes(type));
  }
  void set_value(size_t entry, uint32_t value) {
    const uint32_t type = number(entry + 2, 2);
    const Range where = values(entry);
    if (where.begin == where.end || (type != kByte && type != kShort && type != kLong)) return;
    const uint64_t largest = (uint64_t{1} << (8 * type_bytes(type))) - 1;
    set_number(where.begin, type_bytes(type), value <= largest ? value : 0);
  }
  // 0 if the directory has no such tag.
  size_t find(size_t directory, uint32_t wanted) const {
    for (size_t i = 0; i < entries(directory); ++i) {
      if (tag(entry(directory, i)) == wanted) return entry(directory, i);
    }
    return 0;
  }
  // Moves the entries behind it, and the link to the next directory, forward. Its values stay, unnamed.
  void remove(size_t directory, size_t i) {
    const size_t count = entries(directory);
    const size_t from = entry(directory, i + 1);
    const size_t end = std::min(bytes_.size(), entry(directory, count) + 4);
    std::copy(bytes_.begin() + static_cast<ptrdiff_t>(from), bytes_.begin() + static_cast<ptrdiff_t>(end),
              bytes_.begin() + static_cast<ptrdiff_t>(from - kEntryBytes));
    set_number(directory, 2, static_cast<uint32_t>(count - 1));
  }
  size_t next(size_t directory) const { return number(entry(directory, number(directory, 2)), 4); }
  void set_next(size_t directory, uint32_t to) { set_number(entry(directory, number(directory, 2)), 4, to); }

  void clear(Range range) {
    std::fill(bytes_.begin() + static_cast<ptrdiff_t>(range.begin),
              bytes_.begin() + static_cast<ptrdiff_t>(range.end), uint8_t{0});
  }
  void cut(size_t size) { bytes_.resize(std::min(size, bytes_.size())); }
  // Where the new bytes begin.
  size_t append(size_t count) {
    bytes_.insert(bytes_.end(), bytes_.size() % 2 + count, uint8_t{0});
    return bytes_.size() - count;
  }
  size_t size() const { return bytes_.size(); }
  std::span<uint8_t> bytes() { return bytes_; }
  std::vector<uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
  bool little_ = false;
};

}  // namespace compass::tools::images::exif
