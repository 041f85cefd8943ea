// compass extract: the first layers of a .cmps file, byte for byte.
#include <fmt/format.h>

#include <memory>

#include "cmps_header.h"
#include "commands.h"
#include "common/command.h"
#include "common/input_file.h"
#include "common/layer_table.h"
#include "common/output_file.h"
#include "common/plain_text.h"

namespace compass::tools {
namespace {

struct Options {
  std::string input;
  std::string output;
  int layers = 0;
  CommonFlags common;
};

Status extract(const Options& options) {
  Result<OutputFile> output = OutputFile::create(options.output, {options.input});
  if (!output) return output.error();
  if (const Status good = check_json_stream(options.common, *output); !good) return good;
  Result<InputFile> input = InputFile::open(options.input);
  if (!input) return input.error();
  const Result<compass_info> header = peek_header(*input);
  if (!header) return header.error();
  const int count = header->layer_count;
  if (options.layers < 1 || options.layers > count) {
    return Error{ErrorCode::kUsage, fmt::format("--layers: {} is not 1 to {}, the layers of {}",
                                                options.layers, count, input->name())};
  }
  // Nothing past the last layer wanted is read.
  Result<std::vector<uint8_t>> file = input->read_up_to(header->layers[options.layers - 1].end);
  if (!file) return file.error();
  OwnedBytes kept;
  compass_error error;
  const compass_status status =
      compass_extract(file->data(), file->size(), options.layers, kept.out(), &error);
  if (status == COMPASS_DAMAGED) {
    const Error damage = input->error_of(status, error);
    return Error{damage.code, damage.message + "; get a whole copy, or ask for fewer --layers"};
  }
  if (status != COMPASS_OK) return input->error_of(status, error);

  if (const Status written = output->write({kept->data, kept->size}); !written) return written;
  if (const Status committed = output->commit(); !committed) return committed;
  if (options.common.json) {
    return print_json({{"input", options.input},
                       {"output", options.output},
                       {"layers", options.layers},
                       {"bytes", kept->size}});
  }
  if (options.common.quiet) return {};
  return print_report(fmt::format("{} to {}: {} of {} layer{}, {} bytes\n", plain_line(options.input),
                                  plain_line(options.output), options.layers, count, count == 1 ? "" : "s",
                                  grouped(kept->size)),
                      *output);
}

}  // namespace

void add_extract(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      *app.add_subcommand("extract", "Keep a file's first layers, without encoding anything again.");
  command.add_option("IN", options->input, "The .cmps file, or -.")->required();
  command.add_option("OUT", options->output, "File to write, or -.")->required();
  command.add_option("--layers", options->layers, "How many layers to keep.")->option_text("K")->required();
  add_output_flags(command, options->common);
  command.footer(
      "Examples:\n"
      "  compass extract photo.cmps preview.cmps --layers 1\n"
      "  curl https://example.org/photo.cmps | compass extract - - --layers 2 > b.cmps");
  command.callback([options, &action] { action = [options] { return extract(*options); }; });
}

}  // namespace compass::tools
