#include "input.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace compass::tools::images {
namespace {

constexpr size_t kBeginning = 4096;

}  // namespace

Input::Input(Input&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(other.capacity_),
      mapped_(other.mapped_) {}

Input::~Input() {
  if (mapped_) {
    munmap(data_, size_);
  } else {
    std::free(data_);  // NOLINT(cppcoreguidelines-no-malloc): realloc moves pages instead of copying them
  }
}

bool Input::map(int fd) {
  struct stat info {};
  // A shell may hand over a file that is read to the middle: what is left is the picture.
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0 || lseek(fd, 0, SEEK_CUR) != 0) {
    return false;
  }
  void* const address = mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) return false;
  data_ = static_cast<uint8_t*>(address);
  size_ = static_cast<size_t>(info.st_size);
  mapped_ = true;
  return true;
}

Status Input::read_up_to(int fd, size_t end) {
  if (end > capacity_) {
    auto* const grown = static_cast<uint8_t*>(std::realloc(data_, end));  // NOLINT: see above
    if (grown == nullptr) throw std::bad_alloc();
    data_ = grown;
    capacity_ = end;
  }
  while (size_ < end) {
    const ssize_t got = ::read(fd, data_ + size_, end - size_);
    if (got == 0) break;
    if (got < 0 && errno != EINTR) {
      return Error{ErrorCode::kIo, fmt::format("cannot read: {}", std::strerror(errno))};
    }
    if (got > 0) size_ += static_cast<size_t>(got);
  }
  return {};
}

Status Input::begin(int fd) {
  if (map(fd)) return {};
  if (Status done = read_up_to(fd, kBeginning); !done) return done;
  if (size_ == 0) return Error{ErrorCode::kBadFile, "is empty; give a picture"};
  return {};
}

Status Input::read_rest(int fd, uint64_t max_bytes) {
  if (mapped_) return {};
  while (size_ == capacity_) {
    if (size_ >= max_bytes) {
      return Error{ErrorCode::kBadFile,
                   fmt::format("is longer than {} bytes; raise --max-memory to read it", max_bytes)};
    }
    const size_t wanted = std::max<size_t>(size_ + size_ / 2, size_t{1} << 20);
    if (Status done = read_up_to(fd, std::min<uint64_t>(wanted, max_bytes)); !done) return done;
  }
  return {};
}

}  // namespace compass::tools::images
