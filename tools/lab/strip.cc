// compass-lab strip: a model file in, one with only what decoding needs out.
#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "common/command.h"
#include "common/layer_table.h"
#include "common/model_path.h"
#include "common/output_file.h"
#include "common/plain_text.h"
#include "model_file/model.h"
#include "model_writer/stripped_model.h"

namespace compass::tools {
namespace {

struct Options {
  std::string input;
  std::string output;
  bool base_only = false;
  CommonFlags common;
};

Status run_strip(const Options& options) {
  Result<OutputFile> output = OutputFile::create(options.output, {options.input});
  if (!output) return output.error();
  if (const Status good = check_json_stream(options.common, *output); !good) return good;
  const auto model = load_model(options.input);
  if (!model) return model.error();
  const Result<Safetensors> file = Safetensors::load(options.input);
  if (!file) return file.error();
  const std::vector<uint8_t> bytes = stripped(*file, **model, options.base_only);

  if (const Status written = output->write(bytes); !written) return written;
  if (const Status committed = output->commit(); !committed) return committed;

  const std::string decoder = to_string((*model)->decoder_id());
  if (options.common.json) {
    return print_json({{"input", options.input},
                       {"output", options.output},
                       {"bytes", bytes.size()},
                       {"name", (*model)->name()},
                       {"decoder", decoder}});
  }
  if (options.common.quiet) return {};
  return print_report(fmt::format("{} to {}: {} bytes, decoder {}\n", plain_line(options.input),
                                  plain_line(options.output), grouped(bytes.size()), decoder),
                      *output);
}

}  // namespace

void add_strip(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand("strip", "Write a model file with only what decoding needs.");
  command.add_option("MODEL", options->input, "Model file.")->required();
  command.add_option("OUT", options->output, "Model file to write, or -.")->required();
  command.add_flag("--base-only", options->base_only,
                   "Only what base layers need: it decodes layer 0 of every file of the model.");
  add_output_flags(command, options->common);
  command.footer(
      "Files decode to the same pixels with it; nothing can be encoded.\n"
      "\n"
      "Examples:\n"
      "  compass-lab strip lite.safetensors lite-decoder.safetensors\n"
      "  compass-lab strip lite.safetensors lite-base.safetensors --base-only");
  command.callback([options, &action] { action = [options] { return run_strip(*options); }; });
}

}  // namespace compass::tools
