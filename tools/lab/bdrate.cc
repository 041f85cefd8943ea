// compass-lab bdrate: the average distance between two rate-distortion curves.
#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "common/command.h"
#include "eval/curve_file.h"

namespace compass::tools {
namespace {

struct Options {
  std::string anchor;
  std::string test;
  eval::CurveColumns columns;
  std::vector<std::string> only_anchor;
  std::vector<std::string> only_test;
  bool json = false;
};

Result<eval::RdCurve> load(const std::string& path, eval::CurveColumns columns,
                           const std::vector<std::string>& only) {
  const Result<eval::CsvTable> table = eval::read_csv(path);
  if (!table) return table.error();
  columns.only.insert(columns.only.end(), only.begin(), only.end());
  return eval::curve_from(*table, columns, path);
}

Status bdrate(const Options& options) {
  const Result<eval::RdCurve> anchor = load(options.anchor, options.columns, options.only_anchor);
  if (!anchor) return anchor.error();
  const Result<eval::RdCurve> test = load(options.test, options.columns, options.only_test);
  if (!test) return test.error();

  const struct {
    const char* name;
    const char* key;
    eval::Interpolation interpolation;
  } kinds[] = {{"cubic", "cubic", eval::Interpolation::kCubic},
               {"piecewise cubic", "pchip", eval::Interpolation::kPchip}};
  Json json{{"anchor", options.anchor}, {"test", options.test}};
  std::string text;
  for (const auto& kind : kinds) {
    const Result<eval::BdValue> rate = eval::bd_rate(*anchor, *test, kind.interpolation);
    if (!rate) return rate.error();
    const Result<eval::BdValue> quality = eval::bd_quality(*anchor, *test, kind.interpolation);
    json[kind.key] = {{"bd_rate_percent", rate->value},
                      {"quality_range", {rate->low, rate->high}},
                      {"overlap", rate->overlap},
                      {"bd_quality", quality ? Json(quality->value) : Json()}};
    text += fmt::format(
        "{:15}  BD-rate {:+8.2f} %   BD-quality {}   over {:.2f} to {:.2f} ({:.0f} % shared)\n", kind.name,
        rate->value, quality ? fmt::format("{:+7.3f}", quality->value) : std::string("   none"), rate->low,
        rate->high, 100 * rate->overlap);
  }
  return options.json ? print_json(json) : print_report(text);
}

}  // namespace

void add_bdrate(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand("bdrate", "Average distance between two rate-distortion curves.");
  command.add_option("ANCHOR", options->anchor, "CSV file with the curve to compare with.")->required();
  command.add_option("TEST", options->test, "CSV file with the curve that is judged.")->required();
  command.add_option("--rate", options->columns.rate, "Column of the rate. Default: bpp or a usual name.")
      ->option_text("COLUMN");
  command
      .add_option("--quality", options->columns.quality,
                  "Column of the quality. Default: psnr or a usual name.")
      ->option_text("COLUMN");
  command.add_option("--only", options->columns.only, "Use only the rows that hold this, in both files.")
      ->option_text("COLUMN=VALUE")
      ->allow_extra_args(false);
  command.add_option("--only-anchor", options->only_anchor, "The same in ANCHOR.")
      ->option_text("COLUMN=VALUE")
      ->allow_extra_args(false);
  command.add_option("--only-test", options->only_test, "The same in TEST.")
      ->option_text("COLUMN=VALUE")
      ->allow_extra_args(false);
  command.add_flag("--json", options->json, "Print JSON.");
  command.footer(
      R"(Negative BD-rate: TEST needs that much less rate at equal quality. Curves
that overlap in less than a quarter of the shorter one's range are refused.
Files with columns image and setting (from compass-lab eval) are averaged over
pictures first.

Example:
  compass-lab bdrate peers.csv ours.csv --only-anchor codec=webp)");
  command.callback([options, &action] { action = [options] { return bdrate(*options); }; });
}

}  // namespace compass::tools
