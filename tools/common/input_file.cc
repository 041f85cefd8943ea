#include "input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "descriptors.h"

namespace compass::tools {

Status check_standard_input(const std::string& path) {
  if (path != "-" || can_read(STDIN_FILENO)) return {};
  return Error{ErrorCode::kIo, "standard input: is closed; give it a file or a pipe, or name a file"};
}

Result<InputFile> InputFile::open(const std::string& path) {
  if (const Status good = check_standard_input(path); !good) return good.error();
  InputFile file;
  file.name_ = input_name(path);
  file.fd_ =
      path == "-" ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info {};
  if (file.fd_ < 0 || fstat(file.fd_, &info) != 0) {
    return Error{ErrorCode::kIo, fmt::format("{}: cannot read: {}; check the name and its permissions",
                                             file.name_, std::strerror(errno))};
  }
  if (S_ISDIR(info.st_mode)) {
    return Error{ErrorCode::kIo, fmt::format("{}: is a directory; name a .cmps file", file.name_)};
  }
  if (S_ISREG(info.st_mode)) file.bytes_ = static_cast<uint64_t>(info.st_size);
  return file;
}

InputFile::InputFile(InputFile&& other) noexcept
    : name_(std::move(other.name_)),
      fd_(std::exchange(other.fd_, -1)),
      bytes_(other.bytes_),
      ahead_(std::move(other.ahead_)) {}

InputFile::~InputFile() {
  if (fd_ >= 0) close(fd_);
}

Result<size_t> InputFile::read_file(std::span<uint8_t> out) {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::read(fd_, out.data() + done, out.size() - done);
    if (got == 0) break;
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        wait_to_read(fd_);
        continue;
      }
      return Error{ErrorCode::kIo, fmt::format("{}: cannot read: {}", name_, std::strerror(errno))};
    }
    done += static_cast<size_t>(got);
  }
  return done;
}

Result<size_t> InputFile::read(std::span<uint8_t> out) {
  const size_t kept = std::min(out.size(), ahead_.size());
  std::copy_n(ahead_.begin(), kept, out.begin());
  ahead_.erase(ahead_.begin(), ahead_.begin() + static_cast<std::ptrdiff_t>(kept));
  if (kept == out.size()) return kept;
  const Result<size_t> more = read_file(out.subspan(kept));
  if (!more) return more.error();
  return kept + *more;
}

Result<std::span<const uint8_t>> InputFile::peek(size_t count) {
  if (const size_t have = ahead_.size(); have < count) {
    ahead_.resize(count);
    const Result<size_t> got = read_file(std::span(ahead_).subspan(have));
    ahead_.resize(have + (got ? *got : 0));
    if (!got) return got.error();
  }
  return std::span<const uint8_t>(ahead_).first(std::min(count, ahead_.size()));
}

Result<std::vector<uint8_t>> InputFile::read_up_to(uint64_t count) {
  constexpr uint64_t kPiece = 1 << 20;  // memory grows with what arrives, not with what a header claims
  std::vector<uint8_t> all;
  while (all.size() < count) {
    const size_t have = all.size();
    const auto piece = static_cast<size_t>(std::min(kPiece, count - have));
    all.resize(have + piece);
    const Result<size_t> got = read(std::span(all).subspan(have));
    if (!got) return got.error();
    all.resize(have + *got);
    if (*got < piece) break;
  }
  return all;
}

}  // namespace compass::tools
