// compass-lab eval: measures our codec and others on real files, and compares them.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <thread>

#include "commands.h"
#include "common/command.h"
#include "common/plain_text.h"
#include "eval/contestants.h"
#include "eval/crops.h"
#include "eval/facts.h"
#include "eval/figures.h"
#include "eval/html_report.h"
#include "eval/markdown.h"
#include "eval/process.h"
#include "eval/runner.h"
#include "eval/terminal_report.h"
#include "eval_inputs.h"
#include "picture_files.h"

namespace compass::tools {
namespace {

namespace fs = std::filesystem;

std::atomic<bool> interrupted{false};  // set by the signal handler, which can be given nothing else

std::string duration(double seconds) {
  const int s = static_cast<int>(seconds + 0.5);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
}

// One line that is drawn over on a terminal; on anything else a line every few percent.
class EvalProgress {
 public:
  explicit EvalProgress(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}
  ~EvalProgress() {
    if (terminal_ && drawn_) std::fputs("\r\033[K", stderr);
  }
  EvalProgress(const EvalProgress&) = delete;
  EvalProgress& operator=(const EvalProgress&) = delete;

  void operator()(const eval::RunProgress& p) {
    const int percent = p.total > 0 ? 100 * p.done / p.total : 100;
    if (quiet_ || (!terminal_ && percent / 5 == last_ / 5 && drawn_)) return;
    last_ = percent;
    drawn_ = true;
    std::string line = fmt::format("{}/{} ({} from the cache)", p.done, p.total, p.cached);
    if (p.seconds_left >= 0 && p.done < p.total) line += fmt::format(", {} left", duration(p.seconds_left));
    if (!terminal_) {
      print_line(kLabName, "eval: " + line);
      return;
    }
    line = plain_line((line + "  " + p.current).substr(0, 79));
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
  }

 private:
  bool quiet_;
  bool terminal_;
  bool drawn_ = false;
  int last_ = 0;
};

// One SVG file for each layout, in the report's folder "figures".
Status write_figures(const EvalOptions& options, const eval::Results& results) {
  const fs::path folder = fs::path(options.out) / "figures";
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    return Error{ErrorCode::kIo, fmt::format("{}: cannot be made: {}", folder.string(), error.message())};
  for (const eval::Figure& figure : eval::figures(results)) {
    const Status written = eval::write_file((folder / (figure.name + ".svg")).string(), figure.svg);
    if (!written) return written.error();
  }
  return {};
}

Result<eval::Results> measure(const EvalOptions& options, std::vector<eval::SampleCrop>& crops) {
  const Result<std::vector<std::string>> images = picture_paths(options.images);
  if (!images) return images.error();
  const Result<eval::Grid> grid = eval::load_grid(options.grid);
  if (!grid) return grid.error();
  const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const int jobs = options.jobs > 0 ? options.jobs : cores;
  const int threads = std::max(1, cores / jobs);

  eval::Facts facts;
  const Result<eval::ContestantInputs> inputs = eval_inputs(options, *grid, threads, facts);
  if (!inputs) return inputs.error();
  std::vector<eval::Failure> missing;
  Result<std::vector<eval::Contestant>> contestants =
      eval::make_contestants(codec_names(options), *inputs, missing);
  if (!contestants) return contestants.error();
  for (const eval::Failure& m : missing) print_line(kLabName, "eval: " + m.why);
  if (contestants->empty()) return Error{ErrorCode::kUsage, "none of the codecs is here"};

  if (options.perceptual && eval::installed_perceptual_metrics().empty()) {
    return Error{
        ErrorCode::kUsage,
        "--perceptual: neither ssimulacra_main nor butteraugli_main is on PATH (Debian: libjxl-devtools)"};
  }

  const Result<std::set<std::string>> samples = sample_names(options, *images);
  if (!samples) return samples.error();

  EvalProgress progress(options.quiet);
  eval::RunSettings settings;
  settings.images = *images;
  settings.contestants = *contestants;
  settings.grid = *grid;
  settings.files = inputs->files;
  settings.cache = options.cache.empty() ? default_cache() : options.cache;
  settings.jobs = jobs;
  settings.perceptual = options.perceptual;
  settings.samples = *samples;
  settings.progress = [&](const eval::RunProgress& p) { progress(p); };
  settings.stop = [] { return interrupted.load(); };
  std::signal(SIGINT, [](int) { interrupted = true; });
  Result<eval::Results> results = eval::run(settings);
  std::signal(SIGINT, SIG_DFL);
  if (!results) return results.error();

  results->failures.insert(results->failures.begin(), missing.begin(), missing.end());
  facts["grid"] = grid->name;
  facts["pictures"] = std::to_string(images->size());
  facts["machine"] = eval::machine_fact();
  facts["commit"] = eval::commit_fact();
  facts["timing"] = fmt::format("{} at a time, {} thread{} each", jobs, threads, threads == 1 ? "" : "s");
  for (const eval::Contestant& c : *contestants) {
    const char* kind = c.codec->kind() == eval::StreamKind::kScalable ? " (one stream)" : "";
    facts[fmt::format("how: {}{}", c.codec->name(), kind)] = c.codec->how();
    facts[fmt::format("version: {}{}", c.codec->name(), kind)] = c.codec->version();
  }
  results->facts = std::move(facts);
  add_costs(options, *grid, *inputs, images->front(), *results);
  crops = eval::collect_crops(settings, *results);
  return results;
}

// What these files hold, together.
Result<eval::Results> load(const std::vector<std::string>& paths) {
  std::optional<eval::Results> all;
  for (const std::string& path : paths) {
    const Result<std::vector<uint8_t>> bytes = eval::read_file(path);
    if (!bytes) return bytes.error();
    Result<eval::Results> results = eval::results_from_csv(std::string(bytes->begin(), bytes->end()), path);
    if (!results) return results.error();
    if (!all) {
      all = *std::move(results);
    } else if (const Status added = eval::add_results(*all, *std::move(results), path); !added) {
      return added.error();
    }
  }
  return *std::move(all);
}

Status evaluate(const EvalOptions& options) {
  if (options.from.empty() == options.images.empty()) {
    return Error{ErrorCode::kUsage, "name pictures with --images, or measurements with --from"};
  }
  if (options.jobs < 0) {
    return Error{ErrorCode::kUsage, fmt::format("--jobs: {} is not a number of encodings", options.jobs)};
  }
  std::error_code error;
  fs::create_directories(options.out, error);
  if (error)
    return Error{ErrorCode::kIo, fmt::format("{}: cannot be made: {}", options.out, error.message())};
  std::vector<eval::SampleCrop> crops;
  const Result<eval::Results> results = options.from.empty() ? measure(options, crops) : load(options.from);
  if (!results) return results.error();

  const std::string report = eval::terminal_report(*results);
  if (const Status s = eval::write_file(options.out + "/results.csv", eval::to_csv(*results)); !s) return s;
  if (const Status s = eval::write_file(options.out + "/summary.txt", report); !s) return s;
  const std::string html = eval::html_report(*results, crops);
  if (const Status s = eval::write_file(options.out + "/index.html", html); !s) return s;
  if (const Status s = write_figures(options, *results); !s) return s;
  if (!options.markdown.empty()) {
    if (const Status s = eval::write_file(options.markdown, eval::markdown_report(*results)); !s) return s;
  }
  return print_report(report);
}

}  // namespace

void add_eval(CLI::App& app, Action& action) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App& command = *app.add_subcommand("eval", "Measure our codec and others on real files, and report.");
  command.add_option("--images", options->images, "Pictures, or directories of pictures.")
      ->option_text("PATH...");
  command
      .add_option("--codecs", options->codecs,
                  fmt::format("Who takes part, of: {}. Default: {}, or nobody if there are rivals.",
                              fmt::join(eval::contestant_names(), " "), fmt::join(kDefaultCodecs, ",")))
      ->option_text("LIST")
      ->delimiter(',');
  command
      .add_option(
          "--rival", options->rivals,
          "Another system, by its models, lowest rate first: COMPASS's, a one-layer codec's or Mei et "
          "al.'s. Models for all rates: one, or two as with --model. May be given several times.")
      ->option_text("NAME=PATH,PATH...")
      ->allow_extra_args(false);
  command
      .add_option("--grid", options->grid,
                  "What is measured: quick (layers 1/4, 1/2, 1 at nine qualities; the default), paper (every "
                  "experiment of the paper), or a JSON file.")
      ->option_text("NAME");
  command.add_option("--out", options->out, "Directory for the report. Default: report.")->option_text("DIR");
  command
      .add_option(
          "--model", options->models,
          "Model file; several fixed-rate ones, lowest rate first, make one curve, and so do one for low "
          "qualities and one for those of 62.5 or more. Default: the shipped two.")
      ->option_text("PATH...");
  command.add_option("--qualities", options->qualities, "Qualities of our codec, instead of the grid's.")
      ->option_text("LIST")
      ->delimiter(',');
  command
      .add_option("--samples", options->samples,
                  "File names of pictures of which the report shows the most detailed part, every codec at "
                  "nearly the same rate. Default: three of them.")
      ->option_text("LIST")
      ->delimiter(',');
  command.add_option("--precision", options->precision, "f32, bf16 or auto (default).")->option_text("NAME");
  command
      .add_option("--shvc-encoder", options->shvc.encoder,
                  "SHM's encoder with its configuration for as many layers, in quotes: \"TAppEncoder -c "
                  "intra.cfg -c layers.cfg\".")
      ->option_text("COMMAND");
  command.add_option("--shvc-decoder", options->shvc.decoder, "SHM's decoder.")->option_text("COMMAND");
  command.add_option("--jobs", options->jobs, "How many encodings at once. Default: one per core.")
      ->option_text("N");
  command
      .add_option("--cache", options->cache,
                  "Where measurements are kept between runs. Default: ~/.cache/compass-eval.")
      ->option_text("DIR");
  command
      .add_option("--from", options->from,
                  "Measure nothing: make the report again from this results.csv, or from several of the same "
                  "pictures.")
      ->option_text("CSV...");
  command.add_option("--markdown", options->markdown, "Also write the tables to this Markdown file.")
      ->option_text("FILE");
  command.add_flag(
      "--perceptual", options->perceptual,
      "Also SSIMULACRA and butteraugli, by programs of libjxl's developer tools where they are on PATH.");
  command.add_flag("--quiet", options->quiet, "Show no progress.");
  command.footer(
      "Rates are bytes of real files, qualities are of pictures decoded from them. A\n"
      "run that was stopped goes on where it was; what has not changed is not measured\n"
      "again. The report's folder gets index.html, summary.txt, results.csv, and a\n"
      "chart for each set of layers in figures/.\n"
      "\n"
      "Examples:\n"
      "  compass-lab eval --images kodak --grid quick\n"
      "  compass-lab eval --images kodak --codecs compass,simulcast,j2k,jxl,avif,webp");
  command.callback([options, &action] { action = [options] { return evaluate(*options); }; });
}

}  // namespace compass::tools
