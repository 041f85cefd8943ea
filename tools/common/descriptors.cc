#include "descriptors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdlib>

namespace compass::tools {
namespace {

void wait_for(int descriptor, short events) {
  pollfd wanted{descriptor, events, 0};
  poll(&wanted, 1, -1);
}

std::optional<FileIdentity> identity_of(const struct stat& info) {
  return FileIdentity{info.st_dev, info.st_ino, info.st_mode, info.st_rdev};
}

bool is_open(int descriptor, int mode) {
  const int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0 || (flags & O_PATH) != 0) return false;
  return (flags & O_ACCMODE) == O_RDWR || (flags & O_ACCMODE) == mode;
}

// A directory's real path, or nothing.
std::optional<std::string> real_directory(const std::string& directory) {
  char real[PATH_MAX];
  if (realpath(directory.empty() ? "." : directory.c_str(), real) == nullptr) return std::nullopt;
  return std::string(real);
}

// Whether this is where Linux lists the descriptors of this process.
bool lists_descriptors(const std::string& directory) {
  const std::string own = fmt::format("/proc/{}/", getpid());
  return directory.starts_with(own) && directory.ends_with("/fd");
}

}  // namespace

void hold_standard_descriptors() {
  // Opened for the wrong direction on purpose, so that reading and writing fail.
  constexpr int kModes[] = {O_WRONLY, O_RDONLY, O_WRONLY};
  for (int descriptor = 0; descriptor < 3; ++descriptor) {
    if (fcntl(descriptor, F_GETFD) >= 0 || errno != EBADF) continue;
    // open() gives the lowest free number, which is this one. Without /dev/null, the root directory is opened
    // by O_PATH, which can be neither read nor written.
    if (open("/dev/null", kModes[descriptor]) < 0) open("/", O_PATH);
  }
}

bool can_read(int descriptor) {
  return is_open(descriptor, O_RDONLY);
}

bool can_write(int descriptor) {
  return is_open(descriptor, O_WRONLY);
}

std::optional<int> named_descriptor(const std::string& path) {
  constexpr int kMaxLinks = 40;  // as many as Linux follows
  std::string place = path;
  for (int links = 0; links < kMaxLinks; ++links) {
    const size_t slash = place.rfind('/');
    const std::string base = slash == std::string::npos ? place : place.substr(slash + 1);
    const auto directory = real_directory(slash == std::string::npos ? "" : place.substr(0, slash + 1));
    if (!directory) return std::nullopt;
    if (lists_descriptors(*directory)) {
      int number = -1;
      const auto [end, error] = std::from_chars(base.data(), base.data() + base.size(), number);
      if (error != std::errc() || end != base.data() + base.size() || number < 0) return std::nullopt;
      return number;
    }
    const std::string here = *directory + "/" + base;
    char link[PATH_MAX];
    const ssize_t length = readlink(here.c_str(), link, sizeof(link));
    if (length <= 0) return std::nullopt;  // not a link, or not there
    const std::string target(link, static_cast<size_t>(length));
    place = target.front() == '/' ? target : *directory + "/" + target;
  }
  return std::nullopt;
}

bool FileIdentity::is_null() const {
  return S_ISCHR(mode) && special == makedev(1, 3);
}

std::optional<FileIdentity> identity(int descriptor) {
  struct stat info {};
  return fstat(descriptor, &info) == 0 ? identity_of(info) : std::nullopt;
}

std::optional<FileIdentity> identity(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? identity_of(info) : std::nullopt;
}

Status check_no_directory(const std::string& path) {
  const std::optional<FileIdentity> there = identity(path);
  if (!there || !S_ISDIR(there->mode)) return {};
  return Error{ErrorCode::kIo, fmt::format("{}: is a directory; name a file to write", path)};
}

int write_all(int descriptor, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = write(descriptor, bytes.data(), bytes.size());
    if (done >= 0) {
      bytes = bytes.subspan(static_cast<size_t>(done));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      wait_for(descriptor, POLLOUT);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

void wait_to_read(int descriptor) {
  wait_for(descriptor, POLLIN);
}

std::string input_name(const std::string& path) {
  return path == "-" ? "standard input" : path;
}

}  // namespace compass::tools
