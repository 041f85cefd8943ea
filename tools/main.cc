// The `compass` command: finds the subcommand, runs it, and turns its result into one line and an exit code.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include "common.h"
#include "core/printable.h"
#include "exit_code.h"
#include "help.h"
#include "image_file.h"

namespace compass::tools {
namespace {

constexpr const char* kFooter =
    R"(Examples:
  compass encode photo.jpg photo.cmps            three layers: 1/4, 1/2, 1
  compass decode photo.cmps thumb.png --layer 0  only the smallest one
  compass info photo.cmps                        what is in the file

compass COMMAND --help shows a command's options. "-" stands for standard
input or output.

Exit codes: 0 fine, 1 failure, 2 wrong usage, 3 bad file, 4 truncated or
damaged but partly decoded, 5 model missing or not the file's, 6 reading or
writing failed.)";

int fail(const Error& error) {
  fmt::print(stderr, "compass: {}\n", error.message);
  return exit_code(error.code);
}

// CLI11's message as our one line.
int usage_error(const CLI::App& app, const CLI::ParseError& error, const char* first) {
  std::string message = error.what();
  message = message.substr(0, message.find('\n'));
  const auto chosen = app.get_subcommands();
  if (chosen.empty() && first != nullptr && *first != '-') {
    message = fmt::format("there is no command {}", printable(first));
  }
  const std::string command = chosen.empty() ? "compass" : "compass " + chosen.front()->get_name();
  return fail({ErrorCode::kUsage, fmt::format("{}; see {} --help", message, command)});
}

int run(int argc, char** argv) {
  // A closed pipe must come back as a write error with its message and exit code, not as a silent death.
  std::signal(SIGPIPE, SIG_IGN);
  if (const Status started = start_image_files(argv[0]); !started) return fail(started.error());

  CLI::App app("compass: one photo, one file, every size. A learned, spatially scalable image codec.",
               "compass");
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_version_flag("--version", "compass " COMPASS_VERSION, "Print the version.");
  app.set_help_flag("-h,--help", "Print this help.");
  app.require_subcommand(1);
  app.footer(kFooter);

  Action action;
  add_encode(app, action);
  add_decode(app, action);
  add_info(app, action);
  add_extract(app, action);
  add_sheet(app, action);
  add_compare(app, action);
  add_bdrate(app, action);
  add_eval(app, action);
  add_import(app, action);
  add_export(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& request) {  // --help, --version
    return app.exit(request);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error, argc > 1 ? argv[1] : nullptr);
  }
  const Status status = action();
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
