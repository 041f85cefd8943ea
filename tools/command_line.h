// The whole command line: every subcommand with its options, and what a parse of it gives.
#pragma once

#include "common.h"

namespace compass::tools {

class CommandLine {
 public:
  CommandLine();

  // What the arguments ask for. --help and --version become actions that print. Nothing is read or written
  // before the action runs. Errors: kUsage, one line. Call once.
  Result<Action> parse(int argc, const char* const* argv);

 private:
  CLI::App app_;
  Action action_;
};

}  // namespace compass::tools
