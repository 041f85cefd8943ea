#include "output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <random>
#include <utility>

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
    case EPIPE:
      return {ErrorCode::kIo, fmt::format("{}: the reader closed the pipe", name)};
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

// A name next to `target` that no file has yet (tried by the caller, who retries on EEXIST).
std::string temporary_name(const std::string& target) {
  std::random_device random;
  const size_t slash = target.rfind('/');
  const std::string directory = slash == std::string::npos ? "" : target.substr(0, slash + 1);
  return fmt::format("{}.compass-{:08x}{:08x}.tmp", directory, random(), random());
}

}  // namespace

Result<OutputFile> OutputFile::create(const std::string& path) {
  OutputFile file;
  file.path_ = path;
  if (path == "-") {
    file.fd_ = dup(STDOUT_FILENO);
    if (file.fd_ < 0) return io_error(path, "write", errno);
    return file;
  }
  struct stat info {};
  file.target_ = path;
  if (stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) {
      return Error{ErrorCode::kIo, fmt::format("{}: is a directory; name a file to write", path)};
    }
    if (!S_ISREG(info.st_mode)) {  // a pipe or a device: there is nothing to keep and nothing to rename
      file.target_.clear();
      file.fd_ = open(path.c_str(), O_WRONLY | O_CLOEXEC);
      if (file.fd_ < 0) return io_error(path, "write", errno);
      return file;
    }
    if (access(path.c_str(), W_OK) != 0) return io_error(path, "overwrite", errno);
    file.permissions_ = info.st_mode & 07777U;
    char real[PATH_MAX];
    if (realpath(path.c_str(), real) != nullptr) file.target_ = real;
  } else if (path.empty() || path.back() == '/') {
    return Error{ErrorCode::kIo, fmt::format("'{}': not a file name; name a file to write", path)};
  }
  const std::string directory = directory_of(file.target_);
  file.fd_ = open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
  if (file.fd_ >= 0) return file;
  for (int attempt = 0; attempt < 16; ++attempt) {
    file.temporary_ = temporary_name(file.target_);
    file.fd_ = open(file.temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file.fd_ >= 0) return file;
    if (errno != EEXIST) break;
  }
  file.temporary_.clear();
  return io_error(path, "write", errno);
}

OutputFile::OutputFile(OutputFile&& other) noexcept {
  *this = std::move(other);
}

OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
  if (this != &other) {
    discard();
    path_ = std::move(other.path_);
    target_ = std::move(other.target_);
    temporary_ = std::exchange(other.temporary_, {});
    fd_ = std::exchange(other.fd_, -1);
    permissions_ = other.permissions_;
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
  if (!temporary_.empty()) unlink(temporary_.c_str());
  temporary_.clear();
}

Status OutputFile::fail(const char* what, int error_number) {
  if (status_) status_ = io_error(path_, what, error_number);
  return status_;
}

Status OutputFile::write(std::span<const uint8_t> bytes) {
  while (status_ && !bytes.empty()) {
    const ssize_t done = ::write(fd_, bytes.data(), bytes.size());
    if (done < 0) {
      if (errno == EINTR) continue;
      return fail("write", errno);
    }
    bytes = bytes.subspan(static_cast<size_t>(done));
  }
  return status_;
}

int64_t OutputFile::seek(int64_t offset, int whence) {
  return lseek(fd_, offset, whence);
}

int64_t OutputFile::read(std::span<uint8_t> out) {
  return ::read(fd_, out.data(), out.size());
}

Status OutputFile::commit() {
  if (!status_) return status_;
  if (target_.empty()) {
    const int error_number = close(std::exchange(fd_, -1)) == 0 ? 0 : errno;
    return error_number == 0 ? status_ : fail("write", error_number);
  }
  if (permissions_ && fchmod(fd_, *permissions_) != 0) return fail("set permissions of", errno);
  if (fsync(fd_) != 0) return fail("write", errno);
  if (temporary_
          .empty()) {  // unnamed so far: a name of its own first, because only rename() can replace a file
    const std::string self = fmt::format("/proc/self/fd/{}", fd_);
    std::string name;
    int linked = -1;
    for (int attempt = 0; attempt < 16 && linked != 0; ++attempt) {
      name = temporary_name(target_);
      linked = linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW);
      if (linked != 0 && errno != EEXIST) break;
    }
    if (linked != 0) return fail("write", errno);
    temporary_ = name;
  }
  if (rename(temporary_.c_str(), target_.c_str()) != 0) return fail("write", errno);
  temporary_.clear();
  discard();
  return status_;
}

}  // namespace compass::tools
