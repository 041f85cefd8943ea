#include "serve/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/plain_text.h"
#include "serve/url.h"

namespace compass::tools::serve {
namespace {

Error io_error(const std::string& path) {
  return {ErrorCode::kIo, fmt::format("{}: {}", path, std::strerror(errno))};
}

// The kernel sees to it that nothing leads out of the folder, not even a link or a race. Where it cannot
// (before Linux 5.6), links are not followed at all: every part of the path is opened by itself.
int open_by_parts(int folder, const std::string& path, int flags) {
  int at = dup(folder);
  size_t begin = 0;
  while (at >= 0) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const bool last = end == path.size();
    const std::string part = path.substr(begin, end - begin);
    const int next = openat(at, part.c_str(), O_CLOEXEC | O_NOFOLLOW | (last ? flags : O_PATH | O_DIRECTORY));
    close(at);
    at = next;
    if (last) break;
    begin = end + 1;
  }
  return at;
}

// The file of a descriptor, which it takes over; null if it is none.
std::shared_ptr<const OpenFile> regular_file(int fd) {
  if (fd < 0) return nullptr;
  struct stat facts {};
  if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    close(fd);
    return nullptr;
  }
  const int64_t changed = facts.st_mtim.tv_sec * int64_t{1'000'000'000} + facts.st_mtim.tv_nsec;
  return std::make_shared<OpenFile>(fd, static_cast<uint64_t>(facts.st_size), changed);
}

}  // namespace

std::shared_ptr<const OpenFile> open_file(const std::string& path) {
  return regular_file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

OpenFile::~OpenFile() {
  close(fd_);
}

size_t OpenFile::read(uint64_t offset, uint8_t* out, size_t size) const {
  if (offset >= size_) return 0;
  const size_t count = static_cast<size_t>(std::min<uint64_t>(size, size_ - offset));
  ssize_t got = 0;
  do {
    got = pread(fd_, out, count, static_cast<off_t>(offset));
  } while (got < 0 && errno == EINTR);
  return got < 0 ? 0 : static_cast<size_t>(got);
}

Result<std::vector<uint8_t>> OpenFile::first(uint64_t count) const {
  std::vector<uint8_t> bytes(static_cast<size_t>(std::min(count, size_)));
  for (size_t have = 0; have < bytes.size();) {
    const size_t got = read(have, bytes.data() + have, bytes.size() - have);
    if (got == 0) return Error{ErrorCode::kIo, "the file cannot be read, or was cut meanwhile"};
    have += got;
  }
  return bytes;
}

std::string OpenFile::tag() const {
  return fmt::format("{:x}-{:x}", size_, changed_);
}

Result<Folder> Folder::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return io_error(plain_line(path));
  return Folder(fd);
}

Folder::~Folder() {
  if (fd_ >= 0) close(fd_);
}

int Folder::open_beneath(std::span<const std::string> path, int flags) const {
  std::string joined;
  for (const std::string& part : path) {
    if (!is_public_name(part)) return -1;
    joined += joined.empty() ? part : '/' + part;
  }
  if (joined.empty()) joined = ".";
  // Non-blocking, for what turns out to be a pipe or a device.
  flags |= O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  open_how how{};
  how.flags = static_cast<uint64_t>(flags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const long fd = syscall(SYS_openat2, fd_, joined.c_str(), &how, sizeof how);
  if (fd < 0 && (errno == ENOSYS || errno == EPERM)) return open_by_parts(fd_, joined, flags);
  return static_cast<int>(fd);
}

std::shared_ptr<const OpenFile> Folder::file(std::span<const std::string> path) const {
  if (path.empty()) return nullptr;
  return regular_file(open_beneath(path, O_RDONLY));
}

bool Folder::is_folder(std::span<const std::string> path) const {
  const int fd = open_beneath(path, O_RDONLY | O_DIRECTORY);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

Result<std::vector<FolderEntry>> Folder::list(std::span<const std::string> path, size_t most) const {
  const int fd = open_beneath(path, O_RDONLY | O_DIRECTORY);
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(fd < 0 ? nullptr : fdopendir(fd), closedir);
  if (folder == nullptr) return io_error("the folder");
  std::vector<FolderEntry> entries;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string name = entry->d_name;
    if (!is_public_name(name) || entries.size() >= most) continue;
    struct stat facts {};
    if (fstatat(fd, name.c_str(), &facts, 0) != 0) continue;
    if (S_ISREG(facts.st_mode) || S_ISDIR(facts.st_mode)) entries.push_back({name, S_ISDIR(facts.st_mode)});
  }
  std::ranges::sort(entries, {}, &FolderEntry::name);
  return entries;
}

}  // namespace compass::tools::serve
