// compass view: one picture in a browser.
#include <fmt/format.h>
#include <spawn.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "commands.h"
#include "common/command.h"
#include "common/plain_text.h"
#include "serve/run_server.h"
#include "site_options.h"

extern char** environ;

namespace compass::tools {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string input;
  int port = 0;
  bool no_open = false;
  CommonFlags common;
};

// Whether there is a screen on which a browser could appear.
bool has_screen() {
  return std::getenv("DISPLAY") != nullptr || std::getenv("WAYLAND_DISPLAY") != nullptr;
}

// Asks the desktop to show an address. That there is none is no failure: the address has been printed.
void open_browser(const std::string& address) {
  std::string program = "xdg-open", argument = address;
  char* const arguments[] = {program.data(), argument.data(), nullptr};
  pid_t child = 0;
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  (void)posix_spawnp(&child, program.c_str(), nullptr, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
}

Status view(const Options& options) {
  if (options.port < 0 || options.port > 65535)
    return usage("--port", fmt::format("{} is not 0 to 65535", options.port));
  std::error_code error;
  const fs::path path = fs::absolute(options.input, error);
  if (error || !fs::is_regular_file(path, error)) {
    return Error{ErrorCode::kIo,
                 fmt::format("{}: {}", options.input,
                             error                           ? error.message()
                             : fs::is_directory(path, error) ? "is a folder: compass serve shows those"
                                                             : "is no file")};
  }
  auto site = site_options(options.common);
  if (!site) return site.error();
  site->folder = path.parent_path().string();
  site->only = path.filename().string();
  const serve::StopSignals signals;
  auto opened = serve::Site::open(*std::move(site));
  if (!opened) return opened.error();
  if (const Status good = (*opened)->check_only(); !good) {
    return Error{good.error().code, fmt::format("{}: {}", options.input, good.error().message)};
  }
  return serve::run_server({.port = options.port}, **opened, signals, [&](int port) -> Status {
    const std::string address = fmt::format("http://127.0.0.1:{}/", port);
    if (!options.no_open && has_screen()) open_browser(address);
    if (options.common.quiet) return {};
    if (options.common.json) return print_json({{"input", options.input}, {"url", address}, {"port", port}});
    return print_report(fmt::format("{} at {} until interrupted\n", plain_line(options.input), address));
  });
}

}  // namespace

void add_view(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand("view", "Look at a .cmps file in a browser on this machine.");
  command.add_option("IN", options->input, "The .cmps file.")->required();
  command.add_option("--port", options->port, "Port. Default: any that is free.")->option_text("N");
  command.add_flag("--no-open", options->no_open, "Open no browser, but print the address.");
  add_codec_flags(command, options->common, "Model that the page encodes photos with. Default: swift.");
  add_output_flags(command, options->common);
  command.footer("Examples:\n  compass view photo.cmps");
  command.callback([options, &action] { action = [options] { return view(*options); }; });
}

}  // namespace compass::tools
