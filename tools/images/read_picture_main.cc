// The program that reads one picture for the command, in a process of its own (../common/read_process.h). It
// has no file open but the picture, has limited memory, and ends when the command ends.
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <new>

#include "core/sanitized.h"
#include "format.h"
#include "input.h"
#include "read.h"
#include "read_picture.h"
#include "vips_start.h"
#include "wire.h"

namespace compass::tools::images {
namespace {

constexpr uint64_t kLibraries = uint64_t{256}
                                << 20;  // what they, and threads' stacks, take beside the picture

[[noreturn]] void out_of_memory() {
  _exit(kExitOutOfMemory);
}

uint64_t machine_memory() {
  return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

void limit(__rlimit_resource resource, uint64_t value) {
  rlimit now{};
  if (getrlimit(resource, &now) != 0) return;
  now.rlim_cur = now.rlim_max = std::min<uint64_t>(now.rlim_max, value);
  setrlimit(resource, &now);
}

// False if the command has ended.
bool confine(const Task& task) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != task.parent) return false;
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  limit(RLIMIT_CORE, 0);
  // Memory that is written to. Address space would count libraries, the mapped picture, and what is merely
  // set aside, too. A sanitizer sets aside terabytes.
  const uint64_t memory = task.settings.max_memory > 0 ? task.settings.max_memory : machine_memory();
  if (!kSanitized) limit(RLIMIT_DATA, memory + kLibraries);
  return true;
}

bool write_all(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = write(kAnswerDescriptor, bytes.data(), bytes.size());
    if (done < 0 && errno != EINTR) return false;
    if (done > 0) bytes = bytes.subspan(static_cast<size_t>(done));
  }
  return true;
}

// libvips looks for its modules, which load many more libraries, below this directory. Those of formats that
// need none are left alone: starting takes half as long.
void choose_modules(Format format) {
  if (format != Format::kHeif && format != Format::kJxl) setenv("VIPSHOME", "/nonexistent", 1);
}

// Libraries say it in their own words.
bool is_out_of_memory(const std::string& message) {
  constexpr std::string_view kWords[] = {"ut of memory", "ot enough memory", "nsufficient memory",
                                         "ailed to allocate", "nable to allocate"};
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [&](std::string_view words) { return message.find(words) != std::string::npos; });
}

Status run(const ReadSettings& settings, PhotoSender& sender) {
  const uint64_t max_bytes = settings.max_memory > 0 ? settings.max_memory : machine_memory() / 2;
  const Result<Input> input =
      Input::read(STDIN_FILENO, max_bytes, [](std::span<const uint8_t> beginning) -> Status {
        const Result<Format> format = format_of(beginning);
        if (!format) return format.error();
        choose_modules(*format);
        return {};
      });
  if (!input) return input.error();
  if (Status started = start_vips(out_of_memory); !started) return started;
  allow_loaders();
  return read_picture(input->bytes(), settings, sender);
}

int main(std::span<char* const> arguments) {
  const std::optional<Task> task = task_of(arguments);
  if (!task || !confine(*task)) return EXIT_FAILURE;
  PhotoSender sender(write_all);
  const Status done = run(task->settings, sender);
  if (done) return EXIT_SUCCESS;
  if (is_out_of_memory(done.error().message)) return kExitOutOfMemory;
  sender.error(done.error());
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace compass::tools::images

int main(int argc, char** argv) {
  int code = EXIT_FAILURE;
  try {
    code = compass::tools::images::main({argv + 1, static_cast<size_t>(argc > 0 ? argc - 1 : 0)});
  } catch (const std::bad_alloc&) {
    code = compass::tools::images::kExitOutOfMemory;
  } catch (const std::exception&) {
    code = EXIT_FAILURE;
  }
  _exit(code);  // skips the destructors of a hundred libraries
}
