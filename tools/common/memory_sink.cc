#include "memory_sink.h"

#include <unistd.h>

#include <algorithm>

namespace compass::tools {

Status MemorySink::write(std::span<const uint8_t> bytes) {
  if (!status_ || bytes.empty()) return status_;
  // Called from C code, through which no exception may pass: not even one thrown by a library's own
  // out-of-memory handler (libdjvulibre, which ImageMagick loads).
  try {
    if (bytes_.size() < position_ + bytes.size()) bytes_.resize(position_ + bytes.size());
  } catch (...) {
    status_ = Error{ErrorCode::kFailure, "no memory left to collect the picture; write it to a regular file"};
    return status_;
  }
  std::copy(bytes.begin(), bytes.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(position_));
  position_ += bytes.size();
  return status_;
}

int64_t MemorySink::seek(int64_t offset, int whence) {
  int64_t start = 0;
  if (whence == SEEK_CUR) start = static_cast<int64_t>(position_);
  if (whence == SEEK_END) start = static_cast<int64_t>(bytes_.size());
  if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END) return -1;
  int64_t there = 0;
  if (__builtin_add_overflow(start, offset, &there) || there < 0) return -1;
  position_ = static_cast<size_t>(there);
  return there;
}

int64_t MemorySink::read(std::span<uint8_t> out) {
  const size_t left = position_ < bytes_.size() ? bytes_.size() - position_ : 0;
  const size_t count = std::min(out.size(), left);
  std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(bytes_.size() - left), count, out.begin());
  position_ += count;
  return static_cast<int64_t>(count);
}

Status MemorySink::restart() {
  bytes_.clear();
  position_ = 0;
  return status_;
}

}  // namespace compass::tools
