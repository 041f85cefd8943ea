#include "target_options.h"

#include <fmt/format.h>

#include "common/parse.h"

namespace compass::tools {
namespace {

Result<double> parse_value(const char* option, compass_target_kind kind, const std::string& text) {
  double value = 0.0;
  if (kind == COMPASS_TARGET_BYTES) {
    const Result<uint64_t> bytes = parse_amount(text);
    if (!bytes) return usage(option, bytes.error().message);
    value = static_cast<double>(*bytes);
  } else {
    const Result<std::vector<double>> number = parse_numbers(text);
    if (!number || number->size() != 1) return usage(option, fmt::format("{} is not a number", text));
    value = number->front();
  }
  if (value > 0.0) return value;
  return usage(option, fmt::format("{} is not above 0", text));
}

// "40k", or "192x128@2k,384x256@8k,768x512@40k".
Result<TargetWish> parse(const char* option, compass_target_kind kind, const std::string& text) {
  TargetWish wish;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    const std::string part = text.substr(begin, comma - begin);
    begin = comma + 1;
    const size_t at = part.find('@');
    if (at != std::string::npos) {
      const Result<Size> size = parse_size(part.substr(0, at));
      if (!size) return usage(option, size.error().message);
      wish.sizes.push_back(*size);
    }
    const Result<double> value =
        parse_value(option, kind, at == std::string::npos ? part : part.substr(at + 1));
    if (!value) return value.error();
    wish.targets.push_back({kind, *value});
  }
  const bool single = wish.targets.size() == 1 && wish.sizes.empty();
  if (single || wish.sizes.size() == wish.targets.size()) return wish;
  return usage(option, fmt::format("{} is neither one value, for the largest layer, nor SIZE@VALUE for each: "
                                   "192x128@2k,768x512@40k",
                                   text));
}

}  // namespace

void add_target_options(CLI::App& command, TargetOptions& options) {
  CLI::Option* size =
      command
          .add_option("--target-size", options.size,
                      "Find the quality that makes a file of at most so many bytes, and no less than 98 % of "
                      "them: 40k. Or a size for each layer, of the file up to its end: "
                      "192x128@2k,384x256@8k,768x512@40k. Takes some five times as long, "
                      "or ten where that comes to quality 62.5 or more.")
          ->option_text("N");
  CLI::Option* bpp = command
                         .add_option("--target-bpp", options.bpp,
                                     "The same in bits for each pixel of the largest layer, or of each.")
                         ->option_text("BPP")
                         ->excludes(size);
  command
      .add_option(
          "--target-psnr", options.psnr,
          "Find the quality that gives the largest layer, or each, no less than so many dB, and at most "
          "0.05 more.")
      ->option_text("DB")
      ->excludes(size)
      ->excludes(bpp);
}

Result<TargetWish> parse_targets(const TargetOptions& options) {
  if (!options.size.empty()) return parse("--target-size", COMPASS_TARGET_BYTES, options.size);
  if (!options.bpp.empty()) return parse("--target-bpp", COMPASS_TARGET_BPP, options.bpp);
  if (!options.psnr.empty()) return parse("--target-psnr", COMPASS_TARGET_PSNR, options.psnr);
  return TargetWish{};
}

}  // namespace compass::tools
