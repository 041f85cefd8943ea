// compass-lab bench: how long this machine takes to encode and decode, stage by stage, and what part of its
// peak speed it reaches.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <malloc.h>
#include <sys/resource.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "bench_report.h"
#include "codec/decoder.h"
#include "codec/encoder.h"
#include "codec/runtime.h"
#include "commands.h"
#include "common/command.h"
#include "common/image_file.h"
#include "common/model_path.h"
#include "common/parse.h"
#include "common/plain_text.h"
#include "core/clock.h"
#include "machine/peak.h"
#include "model_writer/random_model.h"
#include "nn/context.h"
#include "nn/kernels.h"
#include "nn/stage_times.h"
#include "synthetic_picture.h"

namespace compass::tools {
namespace {

constexpr int kMaxRuns = 1000;

struct Options {
  std::string profile;
  std::string size = "768x512";
  std::string image;
  int layers = 3;
  std::string scales;
  double quality = 50.0;
  std::optional<int> effort;
  int runs = 5;
  CommonFlags common;
};

// The largest resident set since forget_peak_memory(), or since the program began where that does not work.
double peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) * 1024.0;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024.0;
}

void forget_peak_memory() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
}

// Runs `once` several times; `times` is where its stages add their time.
template <typename Once>
Status measure(int runs, nn::StageTimes& times, const Once& once, Measured& measured) {
  forget_peak_memory();
  for (int i = 0; i <= runs; ++i) {
    times.clear();
    const auto start = Clock::now();
    if (const Status status = once(); !status) return status;
    const double seconds = seconds_since(start);
    if (i == 0) {
      measured.first = seconds;
      const auto it = times.entries().find("kernels");
      if (it != times.entries().end()) measured.kernels = it->second.seconds;
    }
    if (i == 0 || seconds < measured.seconds) {
      measured.seconds = seconds;
      measured.stages = times;
    }
  }
  measured.peak_memory = peak_memory();
  return {};
}

Result<std::shared_ptr<const Model>> model_for(const Options& options) {
  if (options.profile.empty()) return load_model(options.common.model);
  if (!options.common.model.empty()) {
    return Error{ErrorCode::kUsage, "--profile: a model is given already; leave one of them out"};
  }
  Result<std::shared_ptr<const Model>> model = random_model(options.profile);
  if (!model) return Error{model.error().code, "--profile: " + model.error().message};
  return model;
}

Status check(const Options& options) {
  const auto usage = [](const char* option, auto value, int low, int high) {
    return Error{ErrorCode::kUsage, fmt::format("{}: {} is not {} to {}", option, value, low, high)};
  };
  if (options.runs < 1 || options.runs > kMaxRuns) return usage("--runs", options.runs, 1, kMaxRuns);
  constexpr int kMaxLayers = static_cast<int>(kMaxLayerCount);
  if (options.layers < 1 || options.layers > kMaxLayers)
    return usage("--layers", options.layers, 1, kMaxLayers);
  if (!(options.quality >= 0.0 && options.quality <= 100.0))
    return usage("--quality", options.quality, 0, 100);
  if (options.effort && (*options.effort < 0 || *options.effort > kMaxEffort))
    return usage("--effort", *options.effort, 0, kMaxEffort);
  return {};
}

// The picture that is coded; `name` says which.
Result<Rgb8Image> picture_for(const Options& options, const CodecOptions& codec, std::string& name) {
  if (!options.image.empty()) {
    Result<Photo> photo =
        read_image(options.image, {.max_pixels = codec.max_pixels, .max_memory = codec.max_memory});
    if (!photo) return photo.error();
    name = fmt::format("{}, {}x{}", plain_line(options.image), photo->image.size.width,
                       photo->image.size.height);
    return std::move(photo->image);
  }
  const Result<Size> size = parse_size(options.size);
  if (!size) return Error{ErrorCode::kUsage, "--size: " + size.error().message};
  if (static_cast<uint64_t>(size->pixels()) > codec.max_pixels) {
    return Error{ErrorCode::kUsage, fmt::format("--size: {}x{} is more than {} pixels; raise --max-pixels",
                                                size->width, size->height, codec.max_pixels)};
  }
  name = fmt::format("synthetic, {}x{}", size->width, size->height);
  return synthetic_picture(*size);
}

Result<EncodeSettings> settings_for(const Options& options, const Model& model, Size picture) {
  std::vector<double> scales = default_scales(model.layered() ? options.layers : 1);
  if (!options.scales.empty()) {
    Result<std::vector<double>> given = parse_scales(options.scales);
    if (!given) return Error{ErrorCode::kUsage, "--scales: " + given.error().message};
    scales = *std::move(given);
  }
  const auto sizes = sizes_from_scales(picture, scales);
  if (!sizes) return Error{ErrorCode::kUsage, "--scales: " + sizes.error().message};
  EncodeSettings settings;
  settings.quality = options.quality;
  settings.effort = options.effort;
  settings.sizes = *sizes;
  return settings;
}

void measure_machine(Report& report) {
  report.kernels = nn::kernel_target();
  ThreadPool pool(report.threads);
  report.peak_f32 = nn::measured_peak_gflops(nn::Element::kF32, pool);
  report.peak_bf16 = nn::measured_peak_gflops(nn::Element::kBF16, pool);
}

// Encodes `picture`, which is given up then, and decodes the file.
Status measure_codec(const std::shared_ptr<const Model>& model, CodecOptions codec, int runs,
                     Rgb8Image picture, const EncodeSettings& settings, Report& report) {
  nn::StageTimes times;
  codec.times = &times;
  std::vector<uint8_t> file;
  {
    Encoder encoder(model, codec);
    const auto once = [&]() -> Status {
      Result<EncodedPicture> encoded = encoder.encode(picture.view(), settings);
      if (!encoded) return encoded.error();
      file = std::move(encoded->bytes);
      return {};
    };
    if (const Status status = measure(runs, times, once, report.encode); !status) return status;
  }
  picture = {};
  report.bytes = file.size();
  Decoder decoder(model, codec);
  const auto once = [&]() -> Status {
    MemorySource source(file);
    const Result<DecodedPicture> decoded = decoder.decode(source, {.as_bytes = true});
    return decoded ? Status() : Status(decoded.error());
  };
  if (const Status status = measure(runs, times, once, report.decode); !status) return status;
  report.precision = decoder.runtime().context.precision();
  report.convolutions = decoder.runtime().context.implementations();
  return {};
}

Json json_of(const Report& report) {
  Json layers = Json::array();
  for (const Size size : report.sizes) layers.push_back({size.width, size.height});
  return {{"model", report.model},
          {"picture", report.picture},
          {"layers", layers},
          {"bytes", report.bytes},
          {"threads", report.threads},
          {"precision", name_of(report.precision)},
          {"kernels", report.kernels},
          {"convolutions", report.convolutions},
          {"model_seconds", report.model_seconds},
          {"peak_gflops", {{"f32", report.peak_f32}, {"bf16", report.peak_bf16}}},
          {"encode", json_of(report, report.encode)},
          {"decode", json_of(report, report.decode)}};
}

Status run_bench(const Options& options) {
  if (const Status good = check(options); !good) return good;
  Result<CodecOptions> codec = codec_options(options.common);
  if (!codec) return codec.error();
  Report report;
  const auto model_start = Clock::now();
  const Result<std::shared_ptr<const Model>> model = model_for(options);
  if (!model) return model.error();
  report.model_seconds = seconds_since(model_start);
  report.model = fmt::format("{} ({}){}", (*model)->name(), to_string((*model)->id()).substr(0, 8),
                             options.profile.empty() ? "" : ", random weights");
  Result<Rgb8Image> picture = picture_for(options, *codec, report.picture);
  if (!picture) return picture.error();
  const Result<EncodeSettings> settings = settings_for(options, **model, picture->size);
  if (!settings) return settings.error();
  report.sizes = settings->sizes;
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  report.threads = codec->threads > 0 ? codec->threads : std::max(1, cores);
  measure_machine(report);
  if (const Status done = measure_codec(*model, *codec, options.runs, *std::move(picture), *settings, report);
      !done) {
    return done;
  }
  return options.common.json ? print_json(json_of(report)) : print_report(text_of(report));
}

}  // namespace

void add_bench(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand("bench", "Measure how fast this machine encodes and decodes.");
  command
      .add_option("--profile", options->profile,
                  fmt::format("Instead of a model file: random weights in the shape of a profile, of: {}.",
                              fmt::join(random_profiles(), " ")))
      ->option_text("NAME");
  CLI::Option* size =
      command.add_option("--size", options->size, "Size of the synthetic picture. Default: 768x512.")
          ->option_text("WxH");
  command.add_option("--image", options->image, "Measure with this picture.")
      ->option_text("PHOTO")
      ->excludes(size);
  CLI::Option* layers =
      command.add_option("--layers", options->layers, "Layers, each half as large as the next. Default: 3.")
          ->option_text("N");
  command.add_option("--scales", options->scales, "Layers as parts of the full size, lowest first.")
      ->option_text("LIST")
      ->excludes(layers);
  command.add_option("-q,--quality", options->quality, "Quality, 0 to 100. Default: 50.")->option_text("Q");
  command
      .add_option("--effort", options->effort, "Rounds of search when encoding, 0 to 40. Default: as encode.")
      ->option_text("N");
  command
      .add_option("--runs", options->runs, "Runs after the first, the fastest of which is shown. Default: 5.")
      ->option_text("N");
  add_codec_flags(command, options->common, "Model to measure. Default: lite.");
  add_output_flags(command, options->common);
  command.footer(
      "Examples:\n"
      "  compass-lab bench\n"
      "  compass-lab bench --profile paper --precision f32 --threads 1\n"
      "  compass-lab bench --size 4096x4096 --runs 1 --json");
  command.callback([options, &action] { action = [options] { return run_bench(*options); }; });
}

}  // namespace compass::tools
