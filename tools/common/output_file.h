// A file that appears whole or not at all.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "temporary_name.h"

namespace compass::tools {

// Collects output under no name (or, on file systems without unnamed files, a temporary name in the target's
// own directory) and gives it the wanted name in one step when it is complete. Until commit() succeeds the
// path holds what it held before, even if the process is killed.
//
// Some outputs are written directly, at their current position, since they are open already or cannot be
// replaced: standard output (as "-", /dev/stdout, or any other name of the same file), the descriptors of
// /dev/fd, pipes and devices.
//
//   auto out = OutputFile::create("photo.cmps", {options.input});
//   if (!out) return out.error();
//   if (Status s = out->write(bytes); !s) return s;
//   return out->commit();
class OutputFile {
 public:
  // `inputs`: files that are read for this output ("-" is standard input, empty names are none), none of
  // which it may be. Errors: kUsage (it is one of them, or a terminal), kIo (a directory, no such directory,
  // no permission, closed).
  static Result<OutputFile> create(const std::string& path, const std::vector<std::string>& inputs = {});

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;
  ~OutputFile();  // without commit(): nothing is left behind

  // Errors (kIo): disk full, closed pipe. The first error is kept and returned by every later call.
  Status write(std::span<const uint8_t> bytes);

  // The three below are only for what is not written directly. `whence` as in lseek(2).
  int64_t seek(int64_t offset, int whence);
  // Reads back what was written.
  int64_t read(std::span<uint8_t> out);
  // Forgets everything written so far.
  Status restart();

  // Flushes to the disk and gives the file its name.
  Status commit();

  // Whether the output is written directly (see above).
  bool is_direct() const { return target_.empty(); }
  // Whether reports on standard output, or on standard error, would go to the same place as the data.
  bool is_stdout() const { return is_stdout_; }
  bool is_stderr() const { return is_stderr_; }

 private:
  OutputFile() = default;
  static Result<OutputFile> open_direct(const std::string& path, int descriptor);
  Status open_temporary();
  Status give_name();
  Status fail(const char* what, int error_number);
  void discard();

  std::string path_;         // as the user wrote it, for messages
  std::string target_;       // where the file goes, symbolic links followed; empty: written directly
  TemporaryName temporary_;  // the name it has meanwhile
  int fd_ = -1;
  std::optional<unsigned> permissions_;  // of the file that is replaced, if there is one
  bool is_stdout_ = false;
  bool is_stderr_ = false;
  Status status_;
};

}  // namespace compass::tools
