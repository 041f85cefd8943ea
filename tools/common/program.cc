#include "program.h"

#include <fmt/format.h>

#include <csignal>
#include <exception>
#include <memory>
#include <new>
#include <sstream>

#include "core/printable.h"
#include "descriptors.h"
#include "exit_code.h"
#include "help.h"
#include "image_module.h"
#include "option_values.h"

namespace compass::tools {
namespace {

// Of a program by name, with its examples.
constexpr const char* kFooter =
    R"(Examples:
{1}
{0} COMMAND --help shows a command's options. "-" stands for standard
input or output.

Exit codes: 0 fine, 1 failure, 2 wrong usage, 3 bad file, 4 truncated or
damaged but partly decoded, 5 model missing or not the file's, 6 reading or
writing failed.)";

// CLI11's message as our one line.
Error usage_error(const CLI::App& app, const CLI::ParseError& error, const char* first) {
  std::string message = error.what();
  message = message.substr(0, message.find('\n'));
  // CLI11: "--append: 1 required TEXT missing".
  if (const size_t at = message.find(": 1 required ");
      at != std::string::npos && message.ends_with(" missing"))
    message = message.substr(0, at) + ": a value is missing";
  const auto chosen = app.get_subcommands();
  if (chosen.empty() && first != nullptr && *first != '-') {
    message = fmt::format("there is no command {}", printable(first));
  }
  const std::string command =
      chosen.empty() ? app.get_name() : app.get_name() + " " + chosen.front()->get_name();
  return {ErrorCode::kUsage, fmt::format("{}; see {} --help", message, command)};
}

int fail(const Program& program, const Error& error) {
  print_line(program.name, error.message);
  return exit_code(error.code);
}

int run(const Program& program, int argc, char** argv) {
  hold_standard_descriptors();
  forget_debugging();
  // A closed pipe or an exceeded limit on file sizes must be a write error, with a message and an exit code,
  // and not end the process by a signal.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);

  CommandLine line(program);
  const Result<Action> action = line.parse(argc, argv);
  if (!action) return fail(program, action.error());
  const Status status = (*action)();
  return status ? kExitOk : fail(program, status.error());
}

}  // namespace

CommandLine::CommandLine(const Program& program) : app_(program.description, program.name) {
  app_.formatter(std::make_shared<HelpFormatter>());
  app_.set_version_flag("--version", fmt::format("{} {}", program.name, COMPASS_VERSION),
                        "Print the version.");
  app_.set_help_flag("-h,--help", "Print this help.");
  app_.require_subcommand(1);
  app_.footer(fmt::format(kFooter, program.name, program.examples));
  for (const AddCommand add : program.commands) add(app_, action_);
  for (CLI::App* command : app_.get_subcommands({})) check_values(*command);
}

Result<Action> CommandLine::parse(int argc, const char* const* argv) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::Success& request) {  // --help, --version
    return Action([this, request]() -> Status {
      std::ostringstream text;
      app_.exit(request, text, text);
      return print_report(text.str());
    });
  } catch (const CLI::ParseError& error) {
    return usage_error(app_, error, argc > 1 ? argv[1] : nullptr);
  }
  return action_;
}

int run_program(const Program& program, int argc, char** argv) {
  try {
    return run(program, argc, argv);
  } catch (const std::bad_alloc&) {
    print_line(program.name, fmt::format("out of memory; try {}", program.needs_less));
  } catch (const std::exception& error) {
    print_line(program.name, fmt::format("unexpected failure: {}", error.what()));
  } catch (...) {  // a library's own exception for memory that has run out
    print_line(program.name, fmt::format("unexpected failure of a library; try {}", program.needs_less));
  }
  return kExitFailure;
}

}  // namespace compass::tools
