// Where a decoder's bytes come from: a file, a pipe, memory, a server.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>

#include "core/result.h"

namespace compass {

// Goes forward only. What a decoder does not need it skips, which costs nothing where a source can move
// about.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills as much of `out` as there is; fewer bytes than asked means the end. Error: kIo.
  virtual Result<size_t> read(std::span<uint8_t> out) = 0;
  // Passes over bytes; going past the end is no error, and leaves nothing to read. Error: kIo.
  virtual Status skip(uint64_t count);
};

// What can be read at any place, by a function that fills `out` with the bytes from `offset` on and returns
// how many: fewer only at the end. Error: kIo.
class CallbackSource : public ByteSource {
 public:
  using Read = std::function<Result<size_t>(uint64_t offset, std::span<uint8_t> out)>;
  explicit CallbackSource(Read read) : read_(std::move(read)) {}
  Result<size_t> read(std::span<uint8_t> out) override;
  Status skip(uint64_t count) override {
    at_ += count;
    return {};
  }

 private:
  Read read_;
  uint64_t at_ = 0;
};

// Bytes in memory; the span must outlive the source.
class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  Result<size_t> read(std::span<uint8_t> out) override;
  Status skip(uint64_t count) override {
    bytes_ = bytes_.subspan(std::min<uint64_t>(count, bytes_.size()));
    return {};
  }

 private:
  std::span<const uint8_t> bytes_;
};

}  // namespace compass
