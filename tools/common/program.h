// A program of subcommands, such as compass: what it is made of, and how a run of it becomes output, one line
// of error and an exit code.
#pragma once

#include <vector>

#include "command.h"

namespace compass::tools {

// Adds a subcommand with its options to `app`, and sets `action` when it is chosen.
using AddCommand = void (*)(CLI::App& app, Action& action);

struct Program {
  const char* name;         // as users type it
  const char* description;  // one line, in --help
  const char* examples;     // in --help, indented, with a newline after each line
  const char* needs_less;   // what to try when memory runs out: "a smaller picture"
  std::vector<AddCommand> commands;
};

// The whole command line: every subcommand with its options, and what a parse of it gives.
class CommandLine {
 public:
  explicit CommandLine(const Program& program);

  // What the arguments ask for. --help and --version become actions that print. Nothing is read or written
  // before the action runs. Errors: kUsage, one line. Call once.
  Result<Action> parse(int argc, const char* const* argv);

 private:
  CLI::App app_;
  Action action_;
};

// What main() does: prepares the process (standard descriptors, signals), finds the subcommand, runs it, and
// turns its result, or any exception, into one line and an exit code (exit_code.h).
int run_program(const Program& program, int argc, char** argv);

}  // namespace compass::tools
