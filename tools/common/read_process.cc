#include "read_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "core/sanitized.h"
#include "descriptors.h"
#include "images/read_picture.h"
#include "images/wire.h"
#include "installed_part.h"

namespace compass::tools {
namespace {

constexpr const char* kOutOfMemory =
    "out of memory while reading the picture; raise --max-memory or the limits of this process, or use a "
    "smaller picture";

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Error cannot_start(int error_number) {
  if (error_number == ENOMEM) return {ErrorCode::kFailure, kOutOfMemory};
  const char* advice = "install compass again";
  if (error_number == EAGAIN) advice = "raise the limit on processes";
  if (error_number == EMFILE || error_number == ENFILE || error_number == EINVAL) {
    advice = "raise the limit on open files";
  }
  return {ErrorCode::kFailure, fmt::format("cannot start the program that reads pictures: {}; {}",
                                           std::strerror(error_number), advice)};
}

// A descriptor above those that the new process is to have, so that none is lost while they are put in place,
// whatever this process was started with.
Result<Descriptor> out_of_the_way(const Descriptor& from) {
  const int fd = fcntl(from.get(), F_DUPFD_CLOEXEC, images::kAnswerDescriptor + 1);
  if (fd < 0) return cannot_start(errno);
  return Descriptor(fd);
}

Result<Descriptor> open_input(const std::string& path) {
  const Descriptor opened(path == "-" ? dup(STDIN_FILENO) : open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (opened.get() < 0 || fstat(opened.get(), &info) != 0) {
    return Error{ErrorCode::kIo, fmt::format("{}: cannot read: {}; check the name and its permissions",
                                             input_name(path), std::strerror(errno))};
  }
  if (S_ISDIR(info.st_mode)) {
    return Error{ErrorCode::kIo, fmt::format("{}: is a directory; name a picture file", input_name(path))};
  }
  return out_of_the_way(opened);
}

// What posix_spawn is told, freed at the end of the scope.
struct SpawnPlan {
  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};

  SpawnPlan() {
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }

  // What the new process inherits: the input and the answer's pipe only, with standard output and error on
  // /dev/null and signals at their defaults. Zero, or the error's number.
  int fill(int input, int answer) {
    sigset_t none{};
    sigset_t standard{};
    sigemptyset(&none);
    sigemptyset(&standard);
    sigaddset(&standard, SIGPIPE);
    const auto silence = [this](int fd) {
      return posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_WRONLY, 0);
    };
    int error = posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    if (error == 0) error = silence(STDOUT_FILENO);
    if (error == 0 && !kSanitized) error = silence(STDERR_FILENO);  // reports of sanitizers are to be seen
    if (error == 0) error = posix_spawn_file_actions_adddup2(&files, answer, images::kAnswerDescriptor);
    if (error == 0) {
      error = posix_spawn_file_actions_addclosefrom_np(&files, images::kAnswerDescriptor + 1);
    }
    if (error == 0) error = posix_spawnattr_setsigmask(&attributes, &none);
    if (error == 0) error = posix_spawnattr_setsigdefault(&attributes, &standard);
    if (error == 0) {
      error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    return error;
  }
};

// The process that reads. However this ends, no process is left.
class Reader {
 public:
  static Result<Reader> start(const Descriptor& input, const ReadSettings& settings,
                              const std::string& program) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return cannot_start(errno);
    Descriptor from(ends[0]);
    const Descriptor to(ends[1]);
    constexpr int kPipeBytes =
        1 << 20;  // a large pipe means fewer switches between the processes; a small one works, too
    fcntl(to.get(), F_SETPIPE_SZ, kPipeBytes);
    const Result<Descriptor> answer = out_of_the_way(to);
    if (!answer) return answer.error();
    SpawnPlan plan;
    if (const int error = plan.fill(input.get(), answer->get()); error != 0) return cannot_start(error);
    std::vector<std::string> words = images::arguments_of(settings, getpid());
    words.insert(words.begin(), program);
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t pid = -1;
    const int error =
        posix_spawn(&pid, program.c_str(), &plan.files, &plan.attributes, arguments.data(), environ);
    if (error != 0) return cannot_start(error);
    return Reader(pid, std::move(from));
  }

  Reader(Reader&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), answer_(std::move(other.answer_)), ended_(other.ended_) {}
  Reader& operator=(Reader&&) = delete;
  ~Reader() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    wait();
  }

  size_t read(std::span<uint8_t> out) {
    size_t done = 0;
    while (done < out.size()) {
      const ssize_t got = ::read(answer_.get(), out.data() + done, out.size() - done);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        ended_ = true;
        break;
      }
      done += static_cast<size_t>(got);
    }
    return done;
  }

  // Whether the answer is complete. The process ends after it.
  bool ended() const { return ended_; }

  // Its exit status as of waitpid; nothing if that is not available (SIGCHLD is ignored).
  std::optional<int> wait() {
    int status = 0;
    pid_t got = -1;
    do {
      got = waitpid(pid_, &status, 0);
    } while (got < 0 && errno == EINTR);
    pid_ = -1;
    return got < 0 ? std::nullopt : std::optional(status);
  }

 private:
  Reader(pid_t pid, Descriptor answer) : pid_(pid), answer_(std::move(answer)) {}

  pid_t pid_;
  Descriptor answer_;
  bool ended_ = false;
};

// The error for an incomplete answer.
Error no_answer(std::optional<int> status) {
  constexpr int kNotStarted =
      127;  // also the loader's status if libraries are missing or do not fit in memory
  if (status && WIFEXITED(*status) && WEXITSTATUS(*status) == images::kExitOutOfMemory) {
    return {ErrorCode::kFailure, kOutOfMemory};
  }
  if (status && WIFEXITED(*status) && WEXITSTATUS(*status) == kNotStarted) {
    return {ErrorCode::kFailure,
            "the program that reads pictures does not start; give it more memory, or install compass again"};
  }
  if (status && WIFSIGNALED(*status) && WTERMSIG(*status) == SIGKILL) {
    return {
        ErrorCode::kFailure,
        "the program that reads pictures was killed, which the system does when it runs out of memory; use "
        "a smaller picture"};
  }
  if (status && WIFSIGNALED(*status)) {
    return {
        ErrorCode::kBadFile,
        fmt::format("cannot be read as a picture: the decoder crashed (signal {}); get a whole copy of the "
                    "picture, or convert it first",
                    WTERMSIG(*status))};
  }
  return {ErrorCode::kFailure,
          "the program that reads pictures ended without an answer; install compass again"};
}

}  // namespace

Result<Photo> read_in_process(const std::string& path, const ReadSettings& settings,
                              const std::string& program) {
  const auto named = [&](const Error& error) {
    return Error{error.code, fmt::format("{}: {}", input_name(path), error.message)};
  };
  const Result<Descriptor> input = open_input(path);
  if (!input) return input.error();
  Result<Reader> reader = Reader::start(*input, settings, program);
  if (!reader) return named(reader.error());
  std::optional<Result<Photo>> answer = images::receive_photo(
      [&reader](std::span<uint8_t> out) { return reader->read(out); }, settings.max_pixels);
  if (!answer) {
    if (reader->ended()) return named(no_answer(reader->wait()));
    return Error{ErrorCode::kBadFile,
                 fmt::format("{}: cannot be read as a picture: the decoder gives no sensible answer; get a "
                             "whole copy of the picture, or convert it first",
                             input_name(path))};
  }
  if (!*answer) return named(answer->error());
  return *std::move(*answer);
}

Result<Photo> read_in_process(const std::string& path, const ReadSettings& settings) {
  return read_in_process(path, settings, installed_part(COMPASS_READ_PICTURE).string());
}

}  // namespace compass::tools
