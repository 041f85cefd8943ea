// The `compass` command: finds the subcommand, runs it, and turns its result into one line and an exit code.
#include <fmt/format.h>

#include <csignal>
#include <exception>
#include <new>

#include "command_line.h"
#include "descriptors.h"
#include "exit_code.h"
#include "image_module.h"

namespace compass::tools {
namespace {

int fail(const Error& error) {
  print_line(error.message);
  return exit_code(error.code);
}

int run(int argc, char** argv) {
  hold_standard_descriptors();
  forget_debugging();
  // A closed pipe or a limit on file sizes must come back as a write error with its message and exit code,
  // not as a silent death.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);

  CommandLine line;
  const Result<Action> action = line.parse(argc, argv);
  if (!action) return fail(action.error());
  const Status status = (*action)();
  return status ? kExitOk : fail(status.error());
}

}  // namespace
}  // namespace compass::tools

int main(int argc, char** argv) {
  using compass::tools::print_line;
  try {
    return compass::tools::run(argc, argv);
  } catch (const std::bad_alloc&) {
    print_line("out of memory; try a smaller picture, --region or --max-memory");
  } catch (const std::exception& error) {
    print_line(fmt::format("unexpected failure: {}", error.what()));
  } catch (...) {  // some library's, which has its own way to say that memory has ended
    print_line("unexpected failure of a library; try a smaller picture, --region or --max-memory");
  }
  return compass::tools::kExitFailure;
}
