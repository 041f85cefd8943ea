// compass-lab extend: a model file in, one with higher rates out.
#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "common/command.h"
#include "common/layer_table.h"
#include "common/output_file.h"
#include "common/plain_text.h"
#include "model_file/model.h"
#include "model_writer/extended_model.h"

namespace compass::tools {
namespace {

struct Options {
  std::string input;
  std::string output;
  std::vector<double> rates;
  CommonFlags common;
};

Status run_extend(const Options& options) {
  Result<OutputFile> output = OutputFile::create(options.output, {options.input});
  if (!output) return output.error();
  if (const Status good = check_json_stream(options.common, *output); !good) return good;
  const Result<Safetensors> file = Safetensors::load(options.input);
  if (!file) return file.error();
  const auto bytes = with_higher_rates(*file, options.rates);
  if (!bytes) {
    const bool usage = bytes.error().code == ErrorCode::kUsage;
    return Error{bytes.error().code, (usage ? "RATE" : options.input) + ": " + bytes.error().message};
  }
  const auto model = Model::parse(*bytes);
  if (!model) return model.error();

  if (const Status written = output->write(*bytes); !written) return written;
  if (const Status committed = output->commit(); !committed) return committed;

  const std::string id = to_string((*model)->id());
  const size_t points = (*model)->rate_points().size();
  if (options.common.json) {
    return print_json({{"input", options.input},
                       {"output", options.output},
                       {"bytes", bytes->size()},
                       {"rates", (*model)->rate_points()},
                       {"model", {{"id", id}}}});
  }
  if (options.common.quiet) return {};
  return print_report(fmt::format("{} to {}: {} bytes, {} rates, id {}\n", plain_line(options.input),
                                  plain_line(options.output), grouped(bytes->size()), points, id),
                      *output);
}

}  // namespace

void add_extend(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand("extend", "Give a model higher rates than it was trained for.");
  command.add_option("MODEL", options->input, "Model file, of two rates or more.")->required();
  command.add_option("OUT", options->output, "Model file to write, or -.")->required();
  command
      .add_option("RATE", options->rates,
                  "Lambdas above the model's highest, rising, such as each twice the one before.")
      ->required();
  add_output_flags(command, options->common);
  command.footer(
      "Gains go on in a straight line; nothing is trained. Qualities 0 to 100 then go\n"
      "from the lowest rate to the new highest.\n"
      "\n"
      "Example:\n"
      "  compass-lab extend trained.safetensors lite.safetensors 0.0576 0.1152 0.2304");
  command.callback([options, &action] { action = [options] { return run_extend(*options); }; });
}

}  // namespace compass::tools
