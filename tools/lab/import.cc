// compass-lab import: a PyTorch checkpoint in, a model file out.
#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>

#include "commands.h"
#include "common/command.h"
#include "common/output_file.h"
#include "common/plain_text.h"
#include "interop/import_model.h"

namespace compass::tools {
namespace {

struct Options {
  std::string input;
  std::string output;
  std::string enhancement;
  std::string kind = "auto";
  std::string token = "own";
  double lambda = 1.0;
  CommonFlags common;
};

Result<ImportOptions> import_options(const Options& options) {
  const std::map<std::string, ImportKind> kinds{{"auto", ImportKind::kAuto},
                                                {"compass", ImportKind::kCompass},
                                                {"mean-scale", ImportKind::kMeanScale},
                                                {"factorised", ImportKind::kFactorised}};
  const std::map<std::string, ScaleToken> tokens{{"own", ScaleToken::kOwn}, {"first", ScaleToken::kFirst}};
  const auto kind = kinds.find(options.kind);
  if (kind == kinds.end())
    return Error{ErrorCode::kUsage, "--kind: choose auto, compass, mean-scale or factorised"};
  const auto token = tokens.find(options.token);
  if (token == tokens.end()) return Error{ErrorCode::kUsage, "--el-token: choose own or first"};
  if (!(options.lambda > 0.0 && options.lambda <= 1e6)) {
    return Error{ErrorCode::kUsage, "--lambda: must be positive, at most 1000000"};
  }
  return ImportOptions{kind->second, token->second, options.lambda};
}

// Prefixes an error with the name of its file.
Error in(const std::string& path, const Error& error) {
  return {error.code, path + ": " + error.message};
}

Status run_import(const Options& options) {
  const Result<ImportOptions> settings = import_options(options);
  if (!settings) return settings.error();
  Result<OutputFile> output = OutputFile::create(options.output, {options.input, options.enhancement});
  if (!output) return output.error();
  if (const Status good = check_json_stream(options.common, *output); !good) return good;

  Result<Checkpoint> first = Checkpoint::load(options.input);
  if (!first) return first.error();
  std::optional<Checkpoint> second;
  if (!options.enhancement.empty()) {
    Result<Checkpoint> upper = Checkpoint::load(options.enhancement);
    if (!upper) return upper.error();
    second = std::move(*upper);
  }
  const std::string inputs =
      second ? fmt::format("{} with {}", options.input, options.enhancement) : options.input;
  const Result<ImportedModel> model = import_checkpoint(*first, second ? &*second : nullptr, *settings);
  if (!model) return in(inputs, model.error());

  if (const Status written = output->write(model->file); !written) return written;
  if (const Status committed = output->commit(); !committed) return committed;

  for (const std::string& note : model->notes) warn(inputs + ": " + note, options.common);
  if (options.common.json) {
    return print_json({{"input", options.input},
                       {"output", options.output},
                       {"bytes", model->file.size()},
                       {"found", model->summary},
                       {"notes", model->notes}});
  }
  if (options.common.quiet) return {};
  std::string text =
      fmt::format("{} to {}: {} bytes\n", plain_line(inputs), plain_line(options.output), model->file.size());
  for (const std::string& line : model->summary) text += "  " + plain_line(line) + "\n";
  return print_report(text, *output);
}

}  // namespace

void add_import(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand("import", "Make a model file of a PyTorch checkpoint.");
  command
      .add_option(
          "CKPT", options->input,
          "Checkpoint of the authors' models or of CompressAI's mbt2018-mean or bmshj2018-factorized.")
      ->required();
  command.add_option("OUT", options->output, "Model file to write, usually named .safetensors, or -.")
      ->required();
  command
      .add_option(
          "--kind", options->kind,
          "What to import: compass (base and enhancement layers), mean-scale or factorised (one codec of "
          "that kind), or auto (default): all there is.")
      ->option_text("KIND");
  command
      .add_option("--enhancement", options->enhancement,
                  "Take the enhancement codec and LIFF from this checkpoint, the base codec from CKPT.")
      ->option_text("CKPT2");
  command
      .add_option("--el-token", options->token,
                  "Scale token of enhancement layers above the first: own (default), as in the paper and the "
                  "authors' evaluation, or first, as in their training code.")
      ->option_text("RULE");
  command
      .add_option("--lambda", options->lambda,
                  "Trade-off the model was trained at, to be recorded; checkpoints do not say. Default: 1.")
      ->option_text("L");
  add_output_flags(command, options->common);
  command.footer(
      "Reads zip and legacy checkpoints, and safetensors files with the same keys,\n"
      "without PyTorch and without running anything in them.\n\n"
      "Examples:\n"
      "  compass-lab import best_model_updated.pth.tar paper.safetensors\n"
      "  compass-lab import mbt2018-mean-3.pth.tar base.safetensors --kind mean-scale\n"
      "  compass-lab import bmshj2018-factorized-3.pth.tar rival.safetensors\n"
      "  compass-lab import base.pth.tar all.safetensors --enhancement el.pth.tar");
  command.callback([options, &action] { action = [options] { return run_import(*options); }; });
}

}  // namespace compass::tools
