// compass-lab export: a model file in, a state_dict for PyTorch out.
#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "common/command.h"
#include "common/model_path.h"
#include "common/output_file.h"
#include "common/plain_text.h"
#include "interop/export_model.h"
#include "model_file/model.h"

namespace compass::tools {
namespace {

struct Options {
  std::string input;
  std::string output;
  CommonFlags common;
};

Status run_export(const Options& options) {
  Result<OutputFile> output = OutputFile::create(options.output, {options.input});
  if (!output) return output.error();
  if (const Status good = check_json_stream(options.common, *output); !good) return good;
  const auto model = load_model(options.input);  // checks the file as every other command does
  if (!model) return model.error();
  const Result<Safetensors> file = Safetensors::load(options.input);
  if (!file) return file.error();
  const auto exported = export_state_dict(*file);
  if (!exported) return Error{exported.error().code, options.input + ": " + exported.error().message};

  if (const Status written = output->write(*exported); !written) return written;
  if (const Status committed = output->commit(); !committed) return committed;

  const bool layered = (*model)->layered();
  if (options.common.json) {
    return print_json({{"input", options.input},
                       {"output", options.output},
                       {"bytes", exported->size()},
                       {"model", {{"name", (*model)->name()}, {"id", to_string((*model)->id())}}},
                       {"dictionaries", layered ? 3 : 1}});
  }
  if (options.common.quiet) return {};
  const char* keys =
      layered ? "base_state_dict.*, residual_state_dict.*, conti_sr_state_dict.*" : "without prefix";
  return print_report(
      fmt::format("{} to {}: {} bytes, model {}, keys {}\n", plain_line(options.input),
                  plain_line(options.output), exported->size(), plain_line((*model)->name()), keys),
      *output);
}

}  // namespace

void add_export(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      *app.add_subcommand("export", "Write a model's tensors under the names PyTorch code knows them by.");
  command.add_option("MODEL", options->input, "Model file.")->required();
  command.add_option("OUT", options->output, "safetensors file to write, or -.")->required();
  add_output_flags(command, options->common);
  command.footer(
      "Example:\n"
      "  compass-lab export paper.safetensors state.safetensors\n"
      "and in Python:\n"
      "  from safetensors.torch import load_file\n"
      "  state = load_file(\"state.safetensors\")\n"
      "  p = \"base_state_dict.\"\n"
      "  net.load_state_dict(\n"
      "    {k[len(p):]: v for k, v in state.items() if k.startswith(p)})");
  command.callback([options, &action] { action = [options] { return run_export(*options); }; });
}

}  // namespace compass::tools
