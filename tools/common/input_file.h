// A `.cmps` file, or standard input, as the decoder's source of bytes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "codec/decoder.h"
#include "core/result.h"

namespace compass::tools {

// Refuses "-" where standard input cannot be read. Errors: kIo (standard input is closed).
Status check_standard_input(const std::string& path);

// Reads forward only. peek() returns bytes without consuming them, so that the header can be parsed, and the
// model found, before a decoder exists. This works on pipes, too.
class InputFile : public ByteSource {
 public:
  // `path` or "-". Errors: kIo (missing, a directory, unreadable).
  static Result<InputFile> open(const std::string& path);

  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile() override;

  Result<size_t> read(std::span<uint8_t> out) override;

  // The first `count` unread bytes (fewer only at the end), which stay unread. Valid until the next call.
  Result<std::span<const uint8_t>> peek(size_t count);

  // The next `count` bytes, or what there is up to the end.
  Result<std::vector<uint8_t>> read_up_to(uint64_t count);

  // Bytes in the file; 0 if unknown (a pipe).
  uint64_t bytes() const { return bytes_; }

  const std::string& name() const { return name_; }

 private:
  InputFile() = default;
  Result<size_t> read_file(std::span<uint8_t> out);

  std::string name_;  // for messages
  int fd_ = -1;
  uint64_t bytes_ = 0;
  std::vector<uint8_t> ahead_;  // peeked at, not yet read
};

}  // namespace compass::tools
