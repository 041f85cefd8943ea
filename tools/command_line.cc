#include "command_line.h"

#include <fmt/format.h>

#include <memory>
#include <sstream>

#include "core/printable.h"
#include "help.h"
#include "option_values.h"

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

// CLI11's message as our one line.
Error usage_error(const CLI::App& app, const CLI::ParseError& error, const char* first) {
  std::string message = error.what();
  message = message.substr(0, message.find('\n'));
  const auto chosen = app.get_subcommands();
  if (chosen.empty() && first != nullptr && *first != '-') {
    message = fmt::format("there is no command {}", printable(first));
  }
  const std::string command = chosen.empty() ? "compass" : "compass " + chosen.front()->get_name();
  return {ErrorCode::kUsage, fmt::format("{}; see {} --help", message, command)};
}

}  // namespace

CommandLine::CommandLine()
    : app_("compass: one photo, one file, every size. A learned, spatially scalable image codec.",
           "compass") {
  app_.formatter(std::make_shared<HelpFormatter>());
  app_.set_version_flag("--version", "compass " COMPASS_VERSION, "Print the version.");
  app_.set_help_flag("-h,--help", "Print this help.");
  app_.require_subcommand(1);
  app_.footer(kFooter);
  add_encode(app_, action_);
  add_decode(app_, action_);
  add_info(app_, action_);
  add_extract(app_, action_);
  add_sheet(app_, action_);
  add_compare(app_, action_);
  add_bdrate(app_, action_);
  add_eval(app_, action_);
  add_import(app_, action_);
  add_export(app_, action_);
  add_fit(app_, action_);
  add_bench(app_, action_);
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

}  // namespace compass::tools
