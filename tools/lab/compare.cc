// compass-lab compare: how far two pictures are apart.
#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "commands.h"
#include "common/command.h"
#include "eval/metrics.h"
#include "eval/perceptual.h"
#include "picture_files.h"

namespace compass::tools {
namespace {

struct Options {
  std::string first;
  std::string second;
  bool perceptual = false;
  bool json = false;
};

// JSON has no infinity; equal pictures have null there, as in `compass encode --json`.
Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

Status compare(const Options& options) {
  const eval::PictureFiles files = picture_files();
  const Result<eval::Picture> a = files.read(options.first);
  if (!a) return a.error();
  const Result<eval::Picture> b = files.read(options.second);
  if (!b) return b.error();
  const Result<double> psnr = eval::psnr(*a, *b);
  if (!psnr) return psnr.error();
  const Result<double> ms_ssim = eval::ms_ssim(*a, *b);
  const auto seen = options.perceptual ? eval::perceptual_scores(*a, *b) : eval::PerceptualScores();
  if (!seen) return seen.error();

  if (options.json) {
    Json json{{"a", options.first},
              {"b", options.second},
              {"width", a->size.width},
              {"height", a->size.height},
              {"equal", *a == *b},
              {"psnr", number(*psnr)},
              {"ms_ssim", ms_ssim ? Json(*ms_ssim) : Json()}};
    if (!ms_ssim) json["ms_ssim_missing"] = ms_ssim.error().message;
    if (seen->ssimulacra) json["ssimulacra"] = *seen->ssimulacra;
    if (seen->ssimulacra2) json["ssimulacra2"] = *seen->ssimulacra2;
    if (seen->butteraugli) json["butteraugli"] = *seen->butteraugli;
    if (!seen->missing.empty()) json["missing"] = seen->missing;
    return print_json(json);
  }
  std::string text = std::isinf(*psnr) ? "PSNR         infinite (the pictures are equal)\n"
                                       : fmt::format("PSNR         {:.4f} dB\n", *psnr);
  text += ms_ssim ? fmt::format("MS-SSIM      {:.6f} ({:.2f} dB)\n", *ms_ssim, eval::ms_ssim_db(*ms_ssim))
                  : fmt::format("MS-SSIM      none: {}\n", ms_ssim.error().message);
  if (seen->ssimulacra) text += fmt::format("SSIMULACRA   {:.6f} (0: equal)\n", *seen->ssimulacra);
  if (seen->ssimulacra2) text += fmt::format("SSIMULACRA2  {:.4f} (100: equal)\n", *seen->ssimulacra2);
  if (seen->butteraugli) text += fmt::format("butteraugli  {:.4f} (3-norm; 0: equal)\n", *seen->butteraugli);
  for (const std::string& why : seen->missing) text += why + '\n';
  return print_report(text);
}

}  // namespace

void add_compare(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand("compare", "Measure how far two pictures are apart.");
  command.add_option("A", options->first, "One picture.")->required();
  command.add_option("B", options->second, "The other, of the same size.")->required();
  command.add_flag("--perceptual", options->perceptual,
                   "Ask libjxl's programs for SSIMULACRA and butteraugli, too (Debian: libjxl-devtools).");
  command.add_flag("--json", options->json, "Print JSON.");
  command.footer(
      R"(PSNR is over all 8-bit samples of R, G and B. MS-SSIM is per channel, with
the conventions of CompressAI (11x11 windows, five scales); it needs sides
above 160 pixels.

Example:
  compass-lab compare photo.png decoded.png)");
  command.callback([options, &action] { action = [options] { return compare(*options); }; });
}

}  // namespace compass::tools
