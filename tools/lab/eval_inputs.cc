#include "eval_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "common/command.h"
#include "common/model_path.h"
#include "eval/complexity.h"
#include "picture_files.h"

namespace compass::tools {
namespace {

// What is said of the first, the second and more: "model", "model 2".
std::string nth_fact(const std::string& name, size_t n) {
  return n == 1 ? name : fmt::format("{} {}", name, n);
}

// Those that the user has named, else those that `compass encode` takes.
Result<std::vector<std::string>> models_of(const EvalOptions& options) {
  if (options.models.empty()) return shipped_models();
  std::vector<std::string> files;
  for (const std::string& path : options.models) {
    const Result<std::string> file = find_model(path);
    if (!file) return file.error();
    files.push_back(*file);
  }
  return files;
}

namespace fs = std::filesystem;

// Those of the lambdas that a grid asks for, as our model has them, or the first rival for all rates.
std::vector<std::string> default_qualities(const eval::Grid& grid,
                                           const std::vector<std::shared_ptr<const Model>>& models,
                                           const std::vector<eval::Rival>& rivals) {
  const Model* model = models.empty() ? nullptr : models.front().get();
  for (const eval::Rival& rival : rivals) {
    if (model == nullptr && !rival.models.empty()) model = rival.models.front().get();
  }
  if (model == nullptr || grid.lambdas.empty()) return {"0", "25", "50", "75", "100"};
  return eval::qualities_at(model->rate_points(), grid.lambdas);
}

// The `compass` that was built or installed with this program, beside it.
std::string compass_beside() {
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error);
  return error ? "compass" : (own.parent_path() / "compass").string();
}

}  // namespace

std::vector<std::string> codec_names(const EvalOptions& options) {
  if (!options.codecs.empty()) return options.codecs;
  return options.rivals.empty() ? kDefaultCodecs : std::vector<std::string>{};
}

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

Result<std::set<std::string>> sample_names(const EvalOptions& options,
                                           const std::vector<std::string>& images) {
  std::set<std::string> all, names;
  for (const std::string& path : images) all.insert(fs::path(path).filename());
  for (const std::string& name : options.samples) {
    if (!all.contains(name)) {
      return Error{ErrorCode::kUsage,
                   fmt::format("--samples: '{}' is none of the pictures: give file names, such as {}", name,
                               *all.begin())};
    }
    names.insert(name);
  }
  if (!names.empty()) return names;
  for (const size_t part : {1, 3, 5}) names.insert(fs::path(images[images.size() * part / 6]).filename());
  return names;
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

Result<eval::ContestantInputs> eval_inputs(const EvalOptions& options, const eval::Grid& grid, int threads,
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
  for (const std::string& text : options.rivals) {
    auto rival = eval::load_rival(text);
    if (!rival) return rival.error();
    inputs.rivals.push_back(std::move(*rival));
  }

  std::vector<std::shared_ptr<const Model>> models;
  if (eval::need_model(codec_names(options))) {
    const Result<std::vector<std::string>> files = models_of(options);
    if (!files) return files.error();
    for (const std::string& file : *files) {
      const Result<std::shared_ptr<const Model>> model = load_model(file);
      if (!model) return model.error();
      models.push_back(*model);
      facts[nth_fact("model", models.size())] = eval::model_fact(**model, file);
    }
  }
  inputs.qualities = options.qualities.empty() ? grid.qualities : options.qualities;
  if (inputs.qualities.empty()) inputs.qualities = default_qualities(grid, models, inputs.rivals);
  if (models.empty()) return inputs;
  const Result<std::vector<eval::CompassPoint>> points = eval::compass_points(models, inputs.qualities);
  if (!points) return points.error();
  inputs.compass = *points;
  return inputs;
}

void add_costs(const EvalOptions& options, const eval::Grid& grid, const eval::ContestantInputs& inputs,
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
  const std::shared_ptr<const Model>& high = inputs.compass.back().model;
  if (high != model && high->rate_points().size() > 1) {
    results.facts[nth_fact("complexity", 2)] = fmt::format(
        "{}, layers {}", eval::to_text(eval::complexity_of(high, sizes)), grid.layouts.front().name);
  }
}

}  // namespace compass::tools
