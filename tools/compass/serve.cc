// compass serve: a folder as a web site.
#include <fmt/format.h>

#include <memory>
#include <optional>

#include "commands.h"
#include "common/command.h"
#include "common/plain_text.h"
#include "serve/run_server.h"
#include "site_options.h"

namespace compass::tools {
namespace {

struct Options {
  std::string folder = ".";
  std::string address = "127.0.0.1";
  int port = 8080;
  int connections = 32;
  std::string url;
  CommonFlags common;
};

Status check(const Options& options) {
  if (options.port < 0 || options.port > 65535)
    return usage("--port", fmt::format("{} is not 0 to 65535", options.port));
  if (options.connections < 1 || options.connections > 1024)
    return usage("--connections", fmt::format("{} is not 1 to 1024", options.connections));
  const bool is_http = options.url.starts_with("http://") || options.url.starts_with("https://");
  if (!options.url.empty() && (!is_http || options.url.ends_with('/')))
    return usage("--url", "say http:// or https://, the host and a path without a slash at its end");
  return {};
}

std::string shown_address(const std::string& address) {
  return address.find(':') == std::string::npos ? address : '[' + address + ']';
}

Status serve_folder(const Options& options) {
  if (const Status good = check(options); !good) return good;
  auto site = site_options(options.common);
  if (!site) return site.error();
  site->folder = options.folder;
  site->base_url = options.url;
  const serve::StopSignals signals;
  auto opened = serve::Site::open(*std::move(site));
  if (!opened) return opened.error();
  return serve::run_server(
      {options.address, options.port, options.connections}, **opened, signals, [&](int port) -> Status {
        if (options.common.quiet) return {};
        if (options.common.json)
          return print_json({{"folder", options.folder}, {"address", options.address}, {"port", port}});
        return print_report(fmt::format("{} at http://{}:{}/ until interrupted\n", plain_line(options.folder),
                                        shown_address(options.address), port));
      });
}

}  // namespace

void add_serve(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      *app.add_subcommand("serve", "Show a folder of .cmps files in browsers and IIIF viewers.");
  command.add_option("DIR", options->folder, "The folder. Default: this one.");
  command
      .add_option(
          "--address", options->address,
          "Address to listen on. Default: 127.0.0.1, which only this machine reaches; 0.0.0.0 for all.")
      ->option_text("IP");
  command.add_option("--port", options->port, "Port, or 0 for any that is free. Default: 8080.")
      ->option_text("N");
  command.add_option("--connections", options->connections, "Connections served at once. Default: 32.")
      ->option_text("N");
  command
      .add_option("--url", options->url,
                  "The site's address as clients see it, if something stands before it that changes it.")
      ->option_text("URL");
  add_codec_flags(command, options->common, "Model that pages encode photos with. Default: swift.");
  add_output_flags(command, options->common);
  command.footer(
      "Examples:\n"
      "  compass serve pictures\n"
      "  compass serve pictures --address 0.0.0.0 --url https://example.org/pictures\n"
      "  curl -r 0-999 http://127.0.0.1:8080/photo.cmps\n"
      "  curl 'http://127.0.0.1:8080/photo.cmps?format=webp&width=640'\n"
      "  curl http://127.0.0.1:8080/iiif/3/photo.cmps/full/640,/0/default.jpg");
  command.callback([options, &action] { action = [options] { return serve_folder(*options); }; });
}

}  // namespace compass::tools
