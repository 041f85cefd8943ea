#include "command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "descriptors.h"
#include "parse.h"
#include "plain_text.h"

namespace compass::tools {
namespace {

Status print_to(int descriptor, const char* name, const std::string& text) {
  const int error_number =
      write_all(descriptor, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  if (error_number == 0) return {};
  const char* reason = error_number == EBADF ? "it is closed" : std::strerror(error_number);
  return Error{ErrorCode::kIo, fmt::format("{}: cannot write: {}", name, reason)};
}

}  // namespace

void add_output_flags(CLI::App& app, CommonFlags& flags) {
  flags.program = app.get_parent()->get_name();
  app.add_flag("--json", flags.json, "Print the result as JSON on standard output.");
  app.add_flag("--quiet", flags.quiet, "Print nothing but errors.");
}

void add_codec_flags(CLI::App& app, CommonFlags& flags, const std::string& model) {
  app.add_option("--model", flags.model, model + " A file, or the name of an installed one.")
      ->option_text("MODEL");
  app.add_option("--threads", flags.threads, "Threads to use. Default: one per core.")->option_text("N");
  app.add_option(
         "--precision", flags.precision,
         "Arithmetic of the networks: f32, bf16, exact, or auto (default), which takes what the processor "
         "is fastest at.")
      ->option_text("NAME");
  app.add_flag("--exact", flags.exact,
               "Compute the same pixels, to the last bit, on every machine. Short for --precision exact.");
  app.add_option("--max-pixels", flags.max_pixels, "Refuse larger pictures. Default: 400M.")
      ->option_text("N");
  app.add_option("--max-memory", flags.max_memory,
                 "Refuse what would take more than about this many bytes of memory, such as 2G.")
      ->option_text("N");
}

CLI::Option* add_strict_flag(CLI::App& app, CommonFlags& flags, const std::string& help) {
  return app.add_flag("--strict", flags.strict, help);
}

Result<compass_options> library_options(const CommonFlags& flags) {
  compass_options options;
  compass_options_init(&options);
  if (flags.threads < 0 || flags.threads > COMPASS_MAX_THREADS) {
    return usage("--threads",
                 fmt::format("{} is not 1 to {}, or 0 for one per core", flags.threads, COMPASS_MAX_THREADS));
  }
  options.threads = flags.threads;
  if (flags.precision == "f32") {
    options.precision = COMPASS_F32;
  } else if (flags.precision == "bf16") {
    options.precision = COMPASS_BF16;
  } else if (flags.precision == "exact") {
    options.precision = COMPASS_EXACT;
  } else if (flags.precision != "auto") {
    return usage("--precision", "choose f32, bf16, exact or auto");
  }
  if (flags.exact) {
    if (flags.precision != "auto" && flags.precision != "exact") {
      return usage("--exact", fmt::format("not together with --precision {}", flags.precision));
    }
    options.precision = COMPASS_EXACT;
  }
  const Result<uint64_t> pixels = parse_amount(flags.max_pixels);
  if (!pixels) return usage("--max-pixels", pixels.error().message);
  options.max_pixels = *pixels;
  if (!flags.max_memory.empty()) {
    const Result<uint64_t> memory = parse_amount(flags.max_memory);
    if (!memory) return usage("--max-memory", memory.error().message);
    if (*memory == 0) return usage("--max-memory", "must be above 0");  // the library takes 0 for no limit
    options.max_memory = *memory;
  }
  return options;
}

Result<CodecOptions> codec_options(const CommonFlags& flags) {
  const Result<compass_options> given = library_options(flags);
  if (!given) return given.error();
  CodecOptions options;
  options.threads = given->threads;
  options.max_pixels = given->max_pixels;
  options.max_memory = given->max_memory;
  if (given->precision == COMPASS_F32) options.precision = Precision::kF32;
  if (given->precision == COMPASS_BF16) options.precision = Precision::kBF16;
  if (given->precision == COMPASS_EXACT) options.precision = Precision::kExact;
  return options;
}

Status print_report(const std::string& text) {
  return print_to(STDOUT_FILENO, "standard output", plain_text(text));
}

Status print_report(const std::string& text, const OutputFile& output) {
  if (!output.is_stdout()) return print_report(text);
  return output.is_stderr() ? Status() : print_to(STDERR_FILENO, "standard error", plain_text(text));
}

Status print_json(const Json& json) {
  // Names of files need not be UTF-8: what is not becomes U+FFFD.
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace);
  return print_to(STDOUT_FILENO, "standard output", plain_json(text + "\n"));
}

Status check_json_stream(const CommonFlags& flags, const OutputFile& output) {
  if (!flags.json || !output.is_stdout()) return {};
  return Error{ErrorCode::kUsage,
               "--json: standard output is taken by the data; write them to a file of their own"};
}

void print_line(const std::string& program, const std::string& message) {
  const Status lost =
      print_to(STDERR_FILENO, "standard error", fmt::format("{}: {}\n", program, plain_line(message)));
  (void)lost;  // a failure to print an error cannot be reported
}

void warn(const std::string& message, const CommonFlags& flags) {
  if (!flags.quiet) print_line(flags.program, message);
}

}  // namespace compass::tools
