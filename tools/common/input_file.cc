#include "input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "descriptors.h"

namespace compass::tools {
namespace {

constexpr size_t kPiece = 1 << 20;  // memory grows with what arrives, not with what a header claims

}  // namespace

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
      head_(std::move(other.head_)),
      at_(other.at_),
      failure_(std::move(other.failure_)) {}

InputFile::~InputFile() {
  if (fd_ >= 0) close(fd_);
}

Result<size_t> InputFile::read(std::span<uint8_t> out) {
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
    at_ += static_cast<uint64_t>(got);
  }
  return done;
}

Status InputFile::skip(uint64_t count) {
  constexpr auto kFurthest = static_cast<uint64_t>(std::numeric_limits<off_t>::max());
  // Standard input may be a file that somebody else reads, too, from where this leaves it: so no pread.
  if (count <= kFurthest && (count == 0 || lseek(fd_, static_cast<off_t>(count), SEEK_CUR) >= 0)) {
    at_ += count;
    return {};
  }
  std::array<uint8_t, 16384> passed;
  while (count > 0) {
    const auto step = static_cast<size_t>(std::min<uint64_t>(count, passed.size()));
    const Result<size_t> got = read(std::span(passed).first(step));
    if (!got) return got.error();
    if (*got < step) return {};
    count -= step;
  }
  return {};
}

Result<size_t> InputFile::read_at(uint64_t offset, std::span<uint8_t> out) {
  size_t done = 0;
  if (offset < head_.size()) {
    done = std::min(out.size(), head_.size() - static_cast<size_t>(offset));
    std::copy_n(head_.begin() + static_cast<std::ptrdiff_t>(offset), done, out.begin());
  }
  if (done == out.size()) return done;
  if (offset + done < at_) {
    return Error{ErrorCode::kIo, fmt::format("{}: cannot be read a second time, at {}", name_, offset)};
  }
  if (const Status there = skip(offset + done - at_); !there) return there.error();
  if (at_ < offset + done) return done;  // it ends before
  const Result<size_t> more = read(out.subspan(done));
  if (!more) return more.error();
  return done + *more;
}

compass_source InputFile::source() {
  compass_source source;
  compass_source_init(&source);
  source.user = this;
  source.read = [](void* user, uint64_t offset, uint8_t* data, size_t size) -> int64_t {
    auto& file = *static_cast<InputFile*>(user);
    const Result<size_t> got = file.read_at(offset, {data, size});
    if (got) return static_cast<int64_t>(*got);
    file.failure_ = got.error();
    return -1;
  };
  return source;
}

Error InputFile::error_of(compass_status status, const compass_error& error) const {
  if (status == COMPASS_IO && failure_) return *failure_;
  const Error cause = tools::error_of(status, error);
  return {cause.code, fmt::format("{}: {}", name_, cause.message)};
}

Result<std::span<const uint8_t>> InputFile::peek(size_t count) {
  while (head_.size() < count) {
    const size_t have = head_.size();
    const size_t piece = std::min<size_t>(kPiece, count - have);
    head_.resize(have + piece);
    const Result<size_t> got = read(std::span(head_).subspan(have));
    head_.resize(have + (got ? *got : 0));
    if (!got) return got.error();
    if (*got < piece) break;
  }
  return std::span<const uint8_t>(head_).first(std::min(count, head_.size()));
}

Result<std::vector<uint8_t>> InputFile::read_up_to(uint64_t count) {
  std::vector<uint8_t> all;
  while (all.size() < count) {
    const size_t have = all.size();
    const auto piece = static_cast<size_t>(std::min<uint64_t>(kPiece, count - have));
    all.resize(have + piece);
    const Result<size_t> got = read_at(have, std::span(all).subspan(have));
    if (!got) return got.error();
    all.resize(have + *got);
    if (*got < piece) break;
  }
  return all;
}

}  // namespace compass::tools
