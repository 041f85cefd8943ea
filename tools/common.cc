#include "common.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/thread_pool.h"
#include "parse.h"

namespace compass::tools {
namespace {

Status print_to(std::FILE* stream, const char* name, const std::string& text) {
  const bool good =
      std::fwrite(text.data(), 1, text.size(), stream) == text.size() && std::fflush(stream) == 0;
  if (good) return {};
  return Error{ErrorCode::kIo, fmt::format("{}: cannot write: {}", name, std::strerror(errno))};
}

}  // namespace

void add_output_flags(CLI::App& app, CommonFlags& flags) {
  app.add_flag("--json", flags.json, "Print the result as JSON on standard output.");
  app.add_flag("--quiet", flags.quiet, "Print nothing but errors.");
}

void add_codec_flags(CLI::App& app, CommonFlags& flags) {
  app.add_option("--model", flags.model, "Model file to use. Default: the shipped one.")->option_text("PATH");
  app.add_option("--threads", flags.threads, "Threads to use. Default: one per core.")->option_text("N");
  app.add_option(
         "--precision", flags.precision,
         "Arithmetic of the networks: f32, bf16, or auto (default), which takes bf16 where the processor "
         "is faster at it.")
      ->option_text("NAME");
  app.add_option("--max-pixels", flags.max_pixels, "Refuse larger pictures. Default: 400M.")
      ->option_text("N");
  app.add_option("--max-memory", flags.max_memory,
                 "Refuse what would take more than about this many bytes of memory, such as 2G.")
      ->option_text("N");
}

void add_strict_flag(CLI::App& app, CommonFlags& flags, const std::string& help) {
  app.add_flag("--strict", flags.strict, help);
}

Result<CodecOptions> codec_options(const CommonFlags& flags) {
  const auto usage = [](const char* option, const std::string& problem) {
    return Error{ErrorCode::kUsage, fmt::format("{}: {}", option, problem)};
  };
  CodecOptions options;
  if (flags.threads < 0 || flags.threads > kMaxThreads) {
    return usage("--threads",
                 fmt::format("{} is not 1 to {}, or 0 for one per core", flags.threads, kMaxThreads));
  }
  options.threads = flags.threads;
  if (flags.precision == "f32") {
    options.precision = Precision::kF32;
  } else if (flags.precision == "bf16") {
    options.precision = Precision::kBF16;
  } else if (flags.precision != "auto") {
    return usage("--precision", "choose f32, bf16 or auto");
  }
  const Result<uint64_t> pixels = parse_amount(flags.max_pixels);
  if (!pixels) return usage("--max-pixels", pixels.error().message);
  options.max_pixels = *pixels;
  if (!flags.max_memory.empty()) {
    const Result<uint64_t> memory = parse_amount(flags.max_memory);
    if (!memory) return usage("--max-memory", memory.error().message);
    options.max_memory = *memory;
  }
  return options;
}

Status print_report(const std::string& text, const std::string& output) {
  if (output == "-") return print_to(stderr, "standard error", text);
  return print_to(stdout, "standard output", text);
}

Status print_json(const Json& json) {
  // Names of files need not be UTF-8: what is not becomes U+FFFD.
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace);
  return print_to(stdout, "standard output", text + "\n");
}

Status check_json_stream(const CommonFlags& flags, const std::string& output) {
  if (!flags.json || output != "-") return {};
  return Error{ErrorCode::kUsage,
               "--json: standard output is taken by the data; write to a file instead of -"};
}

void warn(const std::string& message, const CommonFlags& flags) {
  if (!flags.quiet) fmt::print(stderr, "compass: {}\n", message);
}

}  // namespace compass::tools
