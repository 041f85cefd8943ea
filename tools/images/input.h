// The bytes of the picture's file.
#pragma once

#include <cstdint>
#include <span>

#include "core/result.h"

namespace compass::tools::images {

// All that a descriptor has: mapped if it is a file, read if it is a pipe or a device. A file that shrinks
// while it is read ends the process (SIGBUS).
class Input {
 public:
  // `check` (a Status of bytes) sees the first 4096 bytes or more, fewer only at the end, before anything
  // else is read; its error ends the reading. Errors: kIo, kBadFile (empty; more than `max_bytes` from a
  // pipe). Throws std::bad_alloc.
  template <typename Check>
  static Result<Input> read(int fd, uint64_t max_bytes, const Check& check) {
    Input input;
    if (Status begun = input.begin(fd); !begun) return begun.error();
    if (Status good = check(input.bytes()); !good) return good.error();
    if (Status done = input.read_rest(fd, max_bytes); !done) return done.error();
    return input;
  }

  Input(Input&& other) noexcept;
  Input& operator=(Input&&) = delete;
  ~Input();

  std::span<const uint8_t> bytes() const { return {data_, size_}; }

 private:
  Input() = default;
  Status begin(int fd);
  Status read_rest(int fd, uint64_t max_bytes);
  bool map(int fd);
  // Reads up to `end` bytes in all; fewer only at the end of the input.
  Status read_up_to(int fd, size_t end);

  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
  bool mapped_ = false;
};

}  // namespace compass::tools::images
