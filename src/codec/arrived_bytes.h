// The bytes of a file that have arrived so far, in any order.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "bitstream/blocks.h"
#include "codec/byte_source.h"

namespace compass {

class ArrivedBytes {
 public:
  // Bytes that are there already stay what they were.
  void add(uint64_t offset, std::span<const uint8_t> bytes);
  // Those from `offset` on that are there without a gap.
  std::span<const uint8_t> from(uint64_t offset) const;
  bool has(ByteRange range) const { return range.bytes == 0 || from(range.offset).size() >= range.bytes; }

 private:
  std::map<uint64_t, std::vector<uint8_t>> pieces_;  // by offset; they neither overlap nor touch
};

// They must outlive the source. What has not arrived when it is read is taken for the end.
class ArrivedSource : public ByteSource {
 public:
  explicit ArrivedSource(const ArrivedBytes& bytes) : bytes_(bytes) {}
  Result<size_t> read(std::span<uint8_t> out) override;
  Status skip(uint64_t count) override {
    at_ += count;
    return {};
  }

 private:
  const ArrivedBytes& bytes_;
  uint64_t at_ = 0;
};

}  // namespace compass
