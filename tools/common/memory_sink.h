// A picture file's bytes in memory, for formats whose writers seek. Part of the command and of its image
// module.
#pragma once

#include <vector>

#include "image_module.h"

namespace compass::tools {

// Behaves like a file. Errors: kFailure, if memory runs out; the first error is returned by every later call.
class MemorySink : public ByteSink {
 public:
  Status write(std::span<const uint8_t> bytes) override;
  int64_t seek(int64_t offset, int whence) override;
  int64_t read(std::span<uint8_t> out) override;
  Status restart() override;

  std::span<const uint8_t> bytes() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
  size_t position_ = 0;  // may lie behind the end: writing there fills the gap with zeros
  Status status_;
};

}  // namespace compass::tools
