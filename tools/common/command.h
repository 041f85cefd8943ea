// What subcommands share: options, results on standard output, how a command is run.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "codec/codec_options.h"
#include "compass/compass.h"
#include "core/result.h"
#include "output_file.h"

namespace compass::tools {

// Keeps the order in which keys were added, so that output is stable and readable.
using Json = nlohmann::ordered_json;

// What a subcommand does once the command line is parsed. An Error becomes one line on standard error and the
// exit code of its kind.
using Action = std::function<Status()>;

// Options that several subcommands share, as the user wrote them.
struct CommonFlags {
  std::string program;  // whose flags they are; no option of its own
  std::string model;
  int threads = 0;
  std::string precision = "auto";
  bool exact = false;
  std::string max_pixels = "400M";
  std::string max_memory;
  bool strict = false;
  bool quiet = false;
  bool json = false;
};

// Adds --quiet and --json. `app` is a subcommand.
void add_output_flags(CLI::App& app, CommonFlags& flags);
// Adds --model, --threads, --precision, --exact, --max-pixels and --max-memory. `model` says what the model
// is for and which one is taken unless it is named.
void add_codec_flags(CLI::App& app, CommonFlags& flags, const std::string& model);
inline constexpr const char* kModelOfFile =
    "Model to decode with. Default: the one that made the file, if it is found.";
// Adds --strict; `help` says what the command refuses.
CLI::Option* add_strict_flag(CLI::App& app, CommonFlags& flags, const std::string& help);

// kUsage: what is wrong with the value of an option.
inline Error usage(const char* option, const std::string& problem) {
  return {ErrorCode::kUsage, std::string(option) + ": " + problem};
}

// The library's options for these flags. Errors: kUsage.
Result<compass_options> library_options(const CommonFlags& flags);
// The same for those who use the codec from within: `compass-lab`.
Result<CodecOptions> codec_options(const CommonFlags& flags);

// Text on standard output, or on standard error if it is `output` that goes to standard output; nowhere if
// both are `output`. Names in `text` should be plain_line()s. Errors: kIo if it cannot be written.
Status print_report(const std::string& text);
Status print_report(const std::string& text, const OutputFile& output);
Status print_json(const Json& json);

// Refuses --json where the output file is standard output, by whatever name. Errors: kUsage.
Status check_json_stream(const CommonFlags& flags, const OutputFile& output);

// Prints "PROGRAM: message" as one line on standard error, control characters replaced. A failure to print is
// ignored.
void print_line(const std::string& program, const std::string& message);
// The same, unless --quiet.
void warn(const std::string& message, const CommonFlags& flags);

}  // namespace compass::tools
