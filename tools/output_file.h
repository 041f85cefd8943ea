// A file that appears whole or not at all.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/result.h"

namespace compass::tools {

// Collects output under no name (or, on file systems without unnamed files, a temporary name in the target's
// own directory) and gives it the wanted name in one step when it is complete. Until commit() succeeds the
// path holds what it held before, even if the process is killed. Standard output ("-"), pipes and devices are
// written directly.
//
//   auto out = OutputFile::create("photo.cmps");
//   if (!out) return out.error();
//   if (Status s = out->write(bytes); !s) return s;
//   return out->commit();
class OutputFile {
 public:
  // Errors (kIo): a directory, no such directory, no permission.
  static Result<OutputFile> create(const std::string& path);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;
  ~OutputFile();  // without commit(): nothing is left behind

  // Errors (kIo): disk full, closed pipe. The first error is kept and returned by every later call.
  Status write(std::span<const uint8_t> bytes);

  // For writers that go back to fill in headers (TIFF). `whence` as in lseek(2); -1 where it cannot be done.
  int64_t seek(int64_t offset, int whence);
  // Reads back what was written; -1 where it cannot be done.
  int64_t read(std::span<uint8_t> out);

  // Flushes to the disk and gives the file its name.
  Status commit();

  bool is_stdout() const { return path_ == "-"; }

 private:
  OutputFile() = default;
  Status fail(const char* what, int error_number);
  void discard();

  std::string path_;       // as the user wrote it, for messages
  std::string target_;     // where the file goes, symbolic links followed; empty: written directly
  std::string temporary_;  // the name it has meanwhile; empty: none
  int fd_ = -1;
  std::optional<unsigned> permissions_;  // of the file that is replaced, if there is one
  Status status_;
};

}  // namespace compass::tools
