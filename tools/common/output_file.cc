#include "output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "descriptors.h"

namespace compass::tools {
namespace {

Error io_error(const std::string& path, const char* what, int error_number) {
  const std::string name = path == "-" ? "standard output" : path;
  const char* advice = "";
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      advice = "; free some space or write elsewhere";
      break;
    case EFBIG:
      advice = "; raise the limit on file sizes (ulimit -f) or write elsewhere";
      break;
    case EPIPE:
      return {ErrorCode::kIo, fmt::format("{}: the reader closed the pipe", name)};
    case EBADF:
      return {ErrorCode::kIo, fmt::format("{}: is closed, or not open for writing; redirect it", name)};
    case EACCES:
    case EPERM:
    case EROFS:
      advice = "; write to a directory you may write to";
      break;
    case ENOENT:
    case ENOTDIR:
      advice = "; create the directory first";
      break;
    default:
      break;
  }
  return {ErrorCode::kIo,
          fmt::format("{}: cannot {}: {}{}", name, what, std::strerror(error_number), advice)};
}

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// No input may be what `path` (or the descriptor it stands for) is.
Status check_inputs(const std::string& path, const std::optional<FileIdentity>& output,
                    const std::vector<std::string>& inputs) {
  if (!output || !output->holds_data()) return {};
  for (const std::string& input : inputs) {
    const auto read = input == "-" ? identity(STDIN_FILENO) : identity(input);
    if (!read || !read->same_file(*output)) continue;
    return Error{ErrorCode::kUsage,
                 fmt::format("{}: is read from as well (as {}) and would be lost; write to another file",
                             path == "-" ? "standard output" : path, input_name(input))};
  }
  return {};
}

}  // namespace

Result<OutputFile> OutputFile::open_direct(const std::string& path, int descriptor) {
  OutputFile file;
  file.path_ = path;
  file.fd_ = descriptor;
  if (!can_write(descriptor)) return io_error(path, "write", EBADF);
  if (isatty(descriptor) == 1) {
    return Error{ErrorCode::kUsage,
                 fmt::format("{}: these bytes are not for the terminal; name a file or a pipe", path)};
  }
  const std::optional<FileIdentity> own = identity(descriptor);
  const auto is = [&own](int standard) {
    const std::optional<FileIdentity> other = identity(standard);
    return own && other && own->same_file(*other) && !own->is_null() && can_write(standard);
  };
  file.is_stdout_ = is(STDOUT_FILENO);
  file.is_stderr_ = is(STDERR_FILENO);
  return file;
}

Result<OutputFile> OutputFile::create(const std::string& path, const std::vector<std::string>& inputs) {
  const std::optional<int> descriptor = path == "-" ? STDOUT_FILENO : named_descriptor(path);
  const std::optional<FileIdentity> there = descriptor ? identity(*descriptor) : identity(path);
  if (const Status good = check_inputs(path, there, inputs); !good) return good.error();
  if (descriptor) {
    const int own = fcntl(*descriptor, F_DUPFD_CLOEXEC, 3);
    if (own < 0) return io_error(path, "write", errno);
    return open_direct(path, own);
  }
  OutputFile file;
  file.path_ = path;
  file.target_ = path;
  if (const Status good = check_no_directory(path); !good) return good.error();
  if (there) {
    const std::optional<FileIdentity> out = identity(STDOUT_FILENO);
    if (S_ISREG(there->mode) && out && out->same_file(*there) && can_write(STDOUT_FILENO)) {
      return create("-", inputs);  // replacing it would lose what standard output has written to it
    }
    if (!S_ISREG(there->mode)) {  // a pipe or a device: there is nothing to keep and nothing to rename
      const int own = open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
      if (own < 0) return io_error(path, "write", errno);
      return open_direct(path, own);
    }
    if (access(path.c_str(), W_OK) != 0) return io_error(path, "overwrite", errno);
    file.permissions_ = there->mode & 07777U;
    char real[PATH_MAX];
    if (realpath(path.c_str(), real) != nullptr) file.target_ = real;
  } else if (path.empty() || path.back() == '/') {
    return Error{ErrorCode::kIo, fmt::format("'{}': not a file name; name a file to write", path)};
  }
  if (const Status opened = file.open_temporary(); !opened) return opened.error();
  return file;
}

Status OutputFile::open_temporary() {
  fd_ = open(directory_of(target_).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
  if (fd_ >= 0) return {};
  for (int attempt = 0; attempt < 16; ++attempt) {
    temporary_ = TemporaryName::beside(target_);
    fd_ = open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ >= 0) return {};
    const int error_number = errno;
    temporary_.release();  // the file is not ours to remove
    if (error_number != EEXIST) return io_error(path_, "write", error_number);
  }
  return io_error(path_, "write", EEXIST);
}

OutputFile::OutputFile(OutputFile&& other) noexcept {
  *this = std::move(other);
}

OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
  if (this != &other) {
    discard();
    path_ = std::move(other.path_);
    target_ = std::move(other.target_);
    temporary_ = std::move(other.temporary_);
    fd_ = std::exchange(other.fd_, -1);
    permissions_ = other.permissions_;
    is_stdout_ = other.is_stdout_;
    is_stderr_ = other.is_stderr_;
    status_ = std::move(other.status_);
  }
  return *this;
}

OutputFile::~OutputFile() {
  discard();
}

void OutputFile::discard() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  temporary_.remove();
}

Status OutputFile::fail(const char* what, int error_number) {
  if (status_) status_ = io_error(path_, what, error_number);
  return status_;
}

Status OutputFile::write(std::span<const uint8_t> bytes) {
  if (!status_) return status_;
  const int error_number = write_all(fd_, bytes);
  return error_number == 0 ? status_ : fail("write", error_number);
}

int64_t OutputFile::seek(int64_t offset, int whence) {
  return is_direct() ? -1 : lseek(fd_, offset, whence);
}

int64_t OutputFile::read(std::span<uint8_t> out) {
  return is_direct() ? -1 : ::read(fd_, out.data(), out.size());
}

Status OutputFile::restart() {
  if (!status_) return status_;
  if (is_direct()) return fail("go back in", ESPIPE);
  if (ftruncate(fd_, 0) != 0 || lseek(fd_, 0, SEEK_SET) != 0) return fail("write", errno);
  return status_;
}

Status OutputFile::commit() {
  if (!status_) return status_;
  if (is_direct()) {
    const int error_number = close(std::exchange(fd_, -1)) == 0 ? 0 : errno;
    return error_number == 0 ? status_ : fail("write", error_number);
  }
  if (permissions_ && fchmod(fd_, *permissions_) != 0) return fail("set permissions of", errno);
  if (fsync(fd_) != 0) return fail("write", errno);
  if (temporary_.empty()) {
    if (Status named = give_name(); !named) return named;
  }
  if (rename(temporary_.c_str(), target_.c_str()) != 0) return fail("write", errno);
  temporary_.release();
  discard();
  return status_;
}

// An unnamed file needs a name of its own first, because only rename() can replace a file.
Status OutputFile::give_name() {
  const std::string self = fmt::format("/proc/self/fd/{}", fd_);
  for (int attempt = 0; attempt < 16; ++attempt) {
    temporary_ = TemporaryName::beside(target_);
    if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, temporary_.c_str(), AT_SYMLINK_FOLLOW) == 0) return {};
    const int error_number = errno;
    temporary_.release();
    if (error_number != EEXIST) return fail("write", error_number);
  }
  return fail("write", EEXIST);
}

}  // namespace compass::tools
