// The `compass` command: finds the subcommand, runs it, and turns its result into one line and an exit code.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include "command_line.h"
#include "exit_code.h"

namespace compass::tools {
namespace {

int fail(const Error& error) {
  fmt::print(stderr, "compass: {}\n", error.message);
  return exit_code(error.code);
}

int run(int argc, char** argv) {
  // A closed pipe must come back as a write error with its message and exit code, not as a silent death.
  std::signal(SIGPIPE, SIG_IGN);

  CommandLine line;
  const Result<Action> action = line.parse(argc, argv);
  if (!action) return fail(action.error());
  const Status status = (*action)();
  return status ? kExitOk : fail(status.error());
}

}  // namespace
}  // namespace compass::tools

int main(int argc, char** argv) {
  try {
    return compass::tools::run(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs("compass: out of memory; try a smaller picture, --region or --max-memory\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "compass: unexpected failure: %s\n", error.what());
  }
  return compass::tools::kExitFailure;
}
