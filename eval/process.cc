#include "eval/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/clock.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX leaves it to the program

namespace compass::eval {
namespace {

constexpr size_t kOutputKept = 64 * 1024;

// File descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

// The kernel's high-water mark of the process's resident set in KiB. wait4's figure is of no use here: a
// child starts with its parent's peak.
uint64_t peak_kib_of(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtoull(line.c_str() + 6, nullptr, 10);
  }
  return 0;
}

std::string last_line(const std::string& output) {
  size_t end = output.find_last_not_of("\r\n \t");
  if (end == std::string::npos) return "it printed nothing";
  size_t begin = output.find_last_of("\r\n", end);
  begin = begin == std::string::npos ? 0 : begin + 1;
  std::string line = output.substr(begin, end - begin + 1);
  if (line.size() > 160) line.resize(160);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 32) c = ' ';
  }
  return line;
}

// Takes what the pipe holds, keeping the tail. False at its end.
bool drain(int fd, std::string& output) {
  char buffer[4096];
  const ssize_t n = read(fd, buffer, sizeof buffer);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  output.append(buffer, static_cast<size_t>(n));
  if (output.size() > 2 * kOutputKept) output.erase(0, output.size() - kOutputKept);
  return true;
}

}  // namespace

Result<ProcessResult> run_process(const std::vector<std::string>& argv, double timeout_seconds) {
  if (argv.empty()) return Error{ErrorCode::kUsage, "no program to run"};
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Error{ErrorCode::kIo, "cannot open a pipe"};
  Descriptor from_child(ends[0]);
  Descriptor to_parent(ends[1]);
  fcntl(from_child.get(), F_SETFL, O_NONBLOCK);

  std::vector<char*> arguments;
  for (const std::string& a : argv) arguments.push_back(const_cast<char*>(a.c_str()));  // spawn wants char*
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, to_parent.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, to_parent.get(), 2);

  const Clock::time_point start = Clock::now();
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    return Error{ErrorCode::kIo, fmt::format("{} cannot be started: {}", argv[0], std::strerror(failed))};
  }
  to_parent.close();

  // Wait for the exit (a process descriptor becomes readable), drain its output, sample its memory.
  ProcessResult result;
  const Descriptor exited(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  bool timed_out = false;
  bool open = true;
  int status = 0;
  rusage usage{};
  while (true) {
    pollfd waits[2] = {{exited.get(), POLLIN, 0}, {open ? from_child.get() : -1, POLLIN, 0}};
    poll(waits, 2, 2);
    if (waits[1].revents != 0) open = drain(from_child.get(), result.output);
    result.peak_kib = std::max(result.peak_kib, peak_kib_of(pid));
    const pid_t ended = wait4(pid, &status, WNOHANG, &usage);
    if (ended == pid || (ended < 0 && errno != EINTR)) break;
    if (seconds_since(start) > timeout_seconds && !timed_out) {
      timed_out = true;
      kill(pid, SIGKILL);
    }
  }
  result.seconds = seconds_since(start);
  const auto seconds_of = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * t.tv_usec; };
  result.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  // Grandchildren may hold the pipe open: take what is there, do not wait for its end.
  for (size_t before = 0; open && before != result.output.size();) {
    before = result.output.size();
    open = drain(from_child.get(), result.output);
  }
  if (result.output.size() > kOutputKept) result.output.erase(0, result.output.size() - kOutputKept);

  if (timed_out) {
    return Error{ErrorCode::kFailure, fmt::format("{} was stopped after {:.0f} s", argv[0], timeout_seconds)};
  }
  if (WIFSIGNALED(status)) {
    return Error{ErrorCode::kFailure, fmt::format("{} was killed by signal {} ({})", argv[0],
                                                  WTERMSIG(status), last_line(result.output))};
  }
  if (WEXITSTATUS(status) != 0) {
    return Error{ErrorCode::kFailure, fmt::format("{} exited with status {} ({})", argv[0],
                                                  WEXITSTATUS(status), last_line(result.output))};
  }
  return result;
}

std::string find_program(const std::string& name) {
  if (name.empty()) return {};
  if (name.find('/') != std::string::npos) return access(name.c_str(), X_OK) == 0 ? name : std::string{};
  const char* variable = std::getenv("PATH");
  std::string path = variable != nullptr ? variable : "/usr/bin:/bin";
  path += ':';
  for (size_t at = 0; at < path.size();) {
    const size_t end = path.find(':', at);
    const std::string candidate = path.substr(at, end - at) + "/" + name;
    std::error_code ignored;
    if (std::filesystem::is_regular_file(candidate, ignored) && access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
    at = end + 1;
  }
  return {};
}

Result<Workspace> Workspace::create() {
  std::error_code error;
  const std::filesystem::path base = std::filesystem::temp_directory_path(error);
  std::string name = (error ? std::string("/tmp") : base.string()) + "/compass-eval-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) {
    return Error{ErrorCode::kIo, fmt::format("no temporary directory: {}", std::strerror(errno))};
  }
  return Workspace(name);
}

Workspace::~Workspace() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

Result<std::vector<uint8_t>> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{ErrorCode::kIo, fmt::format("{}: {}", path, std::strerror(errno))};
  std::vector<uint8_t> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) return Error{ErrorCode::kIo, fmt::format("{}: cannot be read", path)};
  return bytes;
}

Status write_file(const std::string& path, const void* data, size_t size) {
  std::ofstream file(path, std::ios::binary);
  file.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
  file.close();
  if (!file) return Error{ErrorCode::kIo, fmt::format("{}: cannot be written", path)};
  return {};
}

Status write_file(const std::string& path, const std::string& text) {
  return write_file(path, text.data(), text.size());
}

}  // namespace compass::eval
