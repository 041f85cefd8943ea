// A `.cmps` file, or standard input, as what the library reads from.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "library.h"

namespace compass::tools {

// Refuses "-" where standard input cannot be read. Errors: kIo (standard input is closed).
Status check_standard_input(const std::string& path);

// Reads forward only, so that pipes will do. What was peeked at is kept: the header can be parsed, and the
// model found, before the library reads the file from its beginning.
class InputFile {
 public:
  // `path` or "-". Errors: kIo (missing, a directory, unreadable).
  static Result<InputFile> open(const std::string& path);

  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile();

  // The file's first `count` bytes (fewer only at the end), which stay to be read. Valid until the next call.
  // Nothing but those peeked at may have been read.
  Result<std::span<const uint8_t>> peek(size_t count);

  // The file's first `count` bytes, or what there is up to the end.
  Result<std::vector<uint8_t>> read_up_to(uint64_t count);

  // For the library, which may read what was peeked at again and again, and the rest once and forward.
  compass_source source();
  // What a call that read from source() failed of: reading itself, or what the library says of the file.
  Error error_of(compass_status status, const compass_error& error) const;

  // Bytes in the file; 0 if unknown (a pipe).
  uint64_t bytes() const { return bytes_; }

  const std::string& name() const { return name_; }

 private:
  InputFile() = default;
  Result<size_t> read(std::span<uint8_t> out);
  Result<size_t> read_at(uint64_t offset, std::span<uint8_t> out);
  Status skip(uint64_t count);

  std::string name_;  // for messages
  int fd_ = -1;
  uint64_t bytes_ = 0;
  std::vector<uint8_t> head_;     // peeked at
  uint64_t at_ = 0;               // how much of the file was read
  std::optional<Error> failure_;  // of reading for the library
};

}  // namespace compass::tools
