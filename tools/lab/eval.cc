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
#include "common/model_path.h"
#include "common/plain_text.h"
#include "eval/complexity.h"
#include "eval/contestants.h"
#include "eval/crops.h"
#include "eval/facts.h"
#include "eval/html_report.h"
#include "eval/markdown.h"
#include "eval/process.h"
#include "eval/runner.h"
#include "eval/summary.h"
#include "picture_files.h"

namespace compass::tools {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> images;
  std::vector<std::string> codecs;  // empty: kDefaultCodecs, or none if there are rivals
  std::vector<std::string> rivals;
  std::vector<std::string> models;
  std::vector<std::string> qualities;
  std::string grid = "quick";
  std::string out = "report";
  std::string cache;
  std::string from;
  std::string markdown;
  std::string precision = "auto";
  eval::ShvcPrograms shvc;
  int jobs = 0;
  bool perceptual = false;
  bool quiet = false;
};

const std::vector<std::string> kDefaultCodecs{"compass", "single-layer", "simulcast"};

// The names that --codecs stands for.
std::vector<std::string> codec_names(const Options& options) {
  if (!options.codecs.empty()) return options.codecs;
  return options.rivals.empty() ? kDefaultCodecs : std::vector<std::string>{};
}

std::atomic<bool> interrupted{false};  // set by the signal handler, which can be given nothing else

// Files are taken as they are, directories for the pictures in them, by name.
Result<std::vector<std::string>> picture_paths(const std::vector<std::string>& images) {
  static const std::vector<std::string> kEndings{".png",  ".ppm", ".pnm",  ".jpg", ".jpeg",
                                                 ".webp", ".tif", ".tiff", ".bmp"};
  std::vector<std::string> paths;
  for (const std::string& image : images) {
    std::error_code error;
    if (!fs::is_directory(image, error)) {
      if (!fs::exists(image, error)) {
        return Error{ErrorCode::kIo, fmt::format("{}: no such file or directory", image)};
      }
      paths.push_back(image);
      continue;
    }
    std::vector<std::string> inside;
    for (const fs::directory_entry& entry : fs::directory_iterator(image, error)) {
      std::string ending = entry.path().extension().string();
      std::transform(ending.begin(), ending.end(), ending.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      const bool picture = std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
      if (picture && entry.is_regular_file(error)) inside.push_back(entry.path().string());
    }
    if (inside.empty()) return Error{ErrorCode::kUsage, fmt::format("{}: holds no pictures", image)};
    std::sort(inside.begin(), inside.end());
    paths.insert(paths.end(), inside.begin(), inside.end());
  }
  return paths;
}

std::string default_cache() {
  if (const char* base = std::getenv("XDG_CACHE_HOME"); base != nullptr && *base != '\0') {
    return std::string(base) + "/compass-eval";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return std::string(home) + "/.cache/compass-eval";
  }
  return "compass-eval-cache";
}

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

// Our codec's part: models, points of the rate axis, and what is to be said of them.
Result<eval::ContestantInputs> inputs_for(const Options& options, const eval::Grid& grid, int threads,
                                          eval::Facts& facts) {
  eval::ContestantInputs inputs;
  inputs.files = picture_files();
  CommonFlags flags;
  flags.threads = threads;
  flags.precision = options.precision;
  const Result<CodecOptions> codec = codec_options(flags);
  if (!codec) return codec.error();
  inputs.options = *codec;
  inputs.program = eval::program_hash();
  inputs.shvc = options.shvc;
  inputs.qualities = options.qualities.empty() ? grid.qualities : options.qualities;
  if (inputs.qualities.empty()) inputs.qualities = {"0", "25", "50", "75", "100"};
  for (const std::string& text : options.rivals) {
    auto rival = eval::load_rival(text);
    if (!rival) return rival.error();
    inputs.rivals.push_back(std::move(*rival));
  }

  if (!eval::need_model(codec_names(options))) return inputs;
  std::vector<std::shared_ptr<const Model>> models;
  for (const std::string& path : options.models.empty() ? std::vector<std::string>{""} : options.models) {
    const Result<std::string> file = find_model(path);
    if (!file) return file.error();
    const Result<std::shared_ptr<const Model>> model = load_model(*file);
    if (!model) return model.error();
    models.push_back(*model);
    facts[models.size() == 1 ? "model" : fmt::format("model {}", models.size())] =
        eval::model_fact(**model, *file);
  }
  const Result<std::vector<eval::CompassPoint>> points = eval::compass_points(models, inputs.qualities);
  if (!points) return points.error();
  inputs.compass = *points;
  return inputs;
}

// The `compass` that was built or installed with this program, beside it.
std::string compass_beside() {
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error);
  return error ? "compass" : (own.parent_path() / "compass").string();
}

// Costs that no picture changes: operations, and memory on the first picture. Failures are said, not fatal.
void add_costs(const Options& options, const eval::Grid& grid, const eval::ContestantInputs& inputs,
               const std::string& first_image, eval::Results& results) {
  if (inputs.compass.empty() && inputs.rivals.empty()) return;
  const Result<eval::Picture> picture = inputs.files.read(first_image);
  if (!picture) return;
  const std::vector<Size> sizes = eval::layout_sizes(grid.layouts.front(), picture->size);
  for (const eval::Rival& rival : inputs.rivals) {
    const std::string cost = eval::rival_cost(rival, sizes);
    if (!cost.empty()) results.facts["complexity: " + rival.name] = cost;
  }
  if (inputs.compass.empty()) return;
  const std::shared_ptr<const Model>& model = inputs.compass.front().model;
  if (!model->layered() && sizes.size() > 1) return;
  const eval::Complexity cost = eval::complexity_of(model, sizes);
  std::string text = fmt::format("{}, layers {}", eval::to_text(cost), grid.layouts.front().name);
  std::vector<std::string> arguments{"--threads", std::to_string(inputs.options.threads), "--precision",
                                     options.precision};
  if (!options.models.empty()) arguments.insert(arguments.end(), {"--model", options.models.front()});
  if (sizes.back() == picture->size) {
    const Result<eval::PeakMemory> memory =
        eval::peak_memory_of(compass_beside(), arguments, *picture, sizes, inputs.files);
    if (memory) {
      text += fmt::format("; peak {:.0f} MiB to encode, {:.0f} to decode {}x{}",
                          static_cast<double>(memory->encode_kib) / 1024,
                          static_cast<double>(memory->decode_kib) / 1024, picture->size.width,
                          picture->size.height);
      for (eval::Row& row : results.rows) {
        if (row.codec != "compass" || row.layout != grid.layouts.front().name) continue;
        row.encode_peak_kib = memory->encode_kib;
        row.decode_peak_kib = memory->decode_kib;
      }
    } else {
      results.failures.push_back({"peak memory of compass", memory.error().message});
    }
  }
  results.facts["complexity"] = text;
}

Result<eval::Results> measure(const Options& options, std::vector<eval::SampleCrop>& crops) {
  const Result<std::vector<std::string>> images = picture_paths(options.images);
  if (!images) return images.error();
  const Result<eval::Grid> grid = eval::load_grid(options.grid);
  if (!grid) return grid.error();
  const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  const int jobs = options.jobs > 0 ? options.jobs : cores;
  const int threads = std::max(1, cores / jobs);

  eval::Facts facts;
  const Result<eval::ContestantInputs> inputs = inputs_for(options, *grid, threads, facts);
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

  EvalProgress progress(options.quiet);
  eval::RunSettings settings;
  settings.images = *images;
  settings.contestants = *contestants;
  settings.grid = *grid;
  settings.files = inputs->files;
  settings.cache = options.cache.empty() ? default_cache() : options.cache;
  settings.jobs = jobs;
  settings.perceptual = options.perceptual;
  // Crops for the report, of three pictures spread over the set.
  for (const size_t part : {1, 3, 5})
    settings.samples.insert(fs::path((*images)[images->size() * part / 6]).filename());
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

Result<eval::Results> load(const std::string& path) {
  const Result<std::vector<uint8_t>> bytes = eval::read_file(path);
  if (!bytes) return bytes.error();
  return eval::results_from_csv(std::string(bytes->begin(), bytes->end()), path);
}

Status evaluate(const Options& options) {
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
  if (!options.markdown.empty()) {
    if (const Status s = eval::write_file(options.markdown, eval::markdown_report(*results)); !s) return s;
  }
  return print_report(report);
}

}  // namespace

void add_eval(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
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
          "al.'s. May be given several times.")
      ->option_text("NAME=PATH,PATH...")
      ->allow_extra_args(false);
  command
      .add_option("--grid", options->grid,
                  "What is measured: quick (layers 1/4, 1/2, 1 at five qualities; the default), paper (every "
                  "experiment of the paper), or a JSON file.")
      ->option_text("NAME");
  command.add_option("--out", options->out, "Directory for the report. Default: report.")->option_text("DIR");
  command
      .add_option(
          "--model", options->models,
          "Model file; several fixed-rate ones, lowest rate first, make one curve. Default: the shipped one.")
      ->option_text("PATH...");
  command.add_option("--qualities", options->qualities, "Qualities of our codec, instead of the grid's.")
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
      .add_option("--from", options->from, "Measure nothing: make the report again from this results.csv.")
      ->option_text("CSV");
  command.add_option("--markdown", options->markdown, "Also write the tables to this Markdown file.")
      ->option_text("FILE");
  command.add_flag(
      "--perceptual", options->perceptual,
      "Also SSIMULACRA and butteraugli, by programs of libjxl's developer tools where they are on PATH.");
  command.add_flag("--quiet", options->quiet, "Show no progress.");
  command.footer(
      "Rates are bytes of real files, qualities are of pictures decoded from them. A run that was stopped "
      "goes "
      "on where it was; what has not changed is not measured again.\n"
      "\n"
      "Examples:\n"
      "  compass-lab eval --images kodak --grid quick\n"
      "  compass-lab eval --images kodak --codecs compass,simulcast,j2k,jxl,avif,webp");
  command.callback([options, &action] { action = [options] { return evaluate(*options); }; });
}

}  // namespace compass::tools
