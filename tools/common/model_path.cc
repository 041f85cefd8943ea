#include "model_path.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

namespace compass::tools {
namespace {

namespace fs = std::filesystem;

constexpr const char* kShipped = "lite.safetensors";
constexpr const char* kForHighQuality = "lite-hq.safetensors";
constexpr const char* kForPages = "swift.safetensors";
constexpr const char* kEnding = ".safetensors";

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// At the first place that is a file or a directory with one of these names, that file.
std::optional<std::string> first_model(std::initializer_list<const char*> names) {
  for (const std::string& place : model_places()) {
    if (is_file(place)) return place;
    for (const char* name : names) {
      if (const fs::path named = fs::path(place) / name; is_file(named)) return named.string();
    }
  }
  return std::nullopt;
}

// All model files at the places, the shipped name first within each directory, then the smallest, which is
// read in the least time by who looks for a decoder.
std::vector<std::string> model_files() {
  std::vector<std::string> files;
  for (const std::string& place : model_places()) {
    if (is_file(place)) {
      files.push_back(place);
      continue;
    }
    if (const fs::path shipped = fs::path(place) / kShipped; is_file(shipped))
      files.push_back(shipped.string());
    std::vector<std::string> others;
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(place, ignored)) {
      const fs::path& path = entry.path();
      if (path.extension() == kEnding && path.filename() != kShipped && is_file(path))
        others.push_back(path.string());
    }
    std::ranges::sort(others, {},
                      [&](const std::string& path) { return std::pair(fs::file_size(path, ignored), path); });
    files.insert(files.end(), others.begin(), others.end());
  }
  return files;
}

// A path as it is; of a bare name ("lite"), which no file here has, the first NAME.safetensors at the places.
std::string file_of(const std::string& path) {
  if (path.find('/') != std::string::npos || is_file(path)) return path;
  for (const std::string& place : model_places()) {
    if (const fs::path named = fs::path(place) / (path + kEnding); is_file(named)) return named.string();
  }
  return path;
}

// The same, if there is such a file. Errors: kModel.
Result<std::string> named_model(const std::string& path) {
  const std::string file = file_of(path);
  if (std::error_code ignored; fs::exists(file, ignored)) return file;
  std::string installed;
  for (const std::string& model : model_files()) {
    installed += fmt::format("{}{}", installed.empty() ? "" : ", ", fs::path(model).stem().string());
  }
  return Error{ErrorCode::kModel, fmt::format("--model: {} is neither a file nor an installed model ({})",
                                              path, installed.empty() ? "none is" : installed)};
}

// Any failure to read one becomes kModel, so that everything wrong with models has one exit code.
Result<ModelHandle> opened(const std::string& path, ModelUse use) {
  compass_model* model = nullptr;
  compass_error error;
  const auto load = use == ModelUse::kDecoding ? compass_model_load_decoder : compass_model_load;
  const compass_status status = load(path.c_str(), &model, &error);
  if (status == COMPASS_OK) return ModelHandle(model);
  return status == COMPASS_IO ? Error{ErrorCode::kModel, error.message} : error_of(status, error);
}

std::string decoder_of(const ModelHandle& model) {
  uint8_t id[8];
  compass_model_decoder_id(model.get(), id);
  return id_text(id);
}

}  // namespace

std::vector<std::string> model_places() {
  std::vector<std::string> places;
  if (const char* variable = std::getenv("COMPASS_MODEL_PATH"); variable != nullptr) {
    std::istringstream entries(variable);
    for (std::string entry; std::getline(entries, entry, ':');) {
      if (!entry.empty()) places.push_back(entry);
    }
  }
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error)
    places.push_back((program.parent_path() / COMPASS_INSTALLED_MODELS).lexically_normal().string());
  return places;
}

Result<std::string> find_model(const std::string& path, double quality) {
  if (!path.empty()) return named_model(path);
  const bool high = std::round(quality * 10.0) / 10.0 >= COMPASS_HIGH_QUALITY;  // files hold tenths
  if (const auto shipped = high ? first_model({kForHighQuality, kShipped}) : first_model({kShipped})) {
    return *shipped;
  }
  return Error{ErrorCode::kModel,
               fmt::format("no {} in {}; name a model with --model or its directory in COMPASS_MODEL_PATH",
                           kShipped, fmt::join(model_places(), ", "))};
}

Result<std::vector<std::string>> shipped_models() {
  Result<std::string> low = find_model("");
  if (!low) return low.error();
  Result<std::string> high = find_model("", COMPASS_HIGH_QUALITY);
  if (!high) return high.error();
  if (*low == *high) return std::vector<std::string>{*low};
  return std::vector<std::string>{*low, *high};
}

Result<std::vector<std::string>> page_models(const std::string& path) {
  const auto for_pages = path.empty() ? first_model({kForPages, kShipped}) : std::nullopt;
  const Result<std::string> first = for_pages ? *for_pages : find_model(path);
  if (!first) return first.error();
  std::vector<std::string> models{*first};
  for (std::string& file : model_files()) {
    if (file != *first) models.push_back(std::move(file));
  }
  return models;
}

Result<ModelHandle> open_model(const std::string& path, double quality) {
  const Result<std::string> file = find_model(path, quality);
  if (!file) return file.error();
  return opened(*file, ModelUse::kAny);
}

Result<ModelHandle> open_model_for(const uint8_t wanted[8], const std::string& path,
                                   const std::string& file_name, ModelUse use) {
  const std::string id = id_text(wanted);
  const auto other = [&](const std::string& found) {
    return Error{ErrorCode::kModel,
                 fmt::format("{} needs decoder {}, {}; name the model that made it with --model or put it in "
                             "COMPASS_MODEL_PATH",
                             file_name, id, found)};
  };
  if (!path.empty()) {
    const auto file = named_model(path);
    if (!file) return file.error();
    auto model = opened(*file, use);
    if (model && decoder_of(*model) != id)
      return other(fmt::format("but {} has {}", path, decoder_of(*model)));
    return model;
  }
  std::string found;
  ModelHandle base;  // decodes base layers alone: taken if nothing decodes more
  for (const std::string& file : model_files()) {
    auto model = opened(file, use);
    if (!model) continue;  // an unreadable model file is no error as long as another one fits
    if (decoder_of(*model) == id) {
      if (compass_model_holds(model->get()) != COMPASS_BASE_DECODER) return model;
      if (!base) base = *std::move(model);
      continue;
    }
    found += fmt::format("{}{} ({})", found.empty() ? "" : ", ", file, decoder_of(*model));
  }
  if (base) return base;
  if (found.empty()) return other(fmt::format("and no model is in {}", fmt::join(model_places(), ", ")));
  return other("not those of " + found);
}

Json model_json(const compass_model* model) {
  uint8_t id[8];
  uint8_t decoder[8];
  compass_model_id(model, id);
  compass_model_decoder_id(model, decoder);
  return {{"name", compass_model_name(model)}, {"id", id_text(id)}, {"decoder", id_text(decoder)}};
}

Result<std::shared_ptr<const Model>> load_model(const std::string& path) {
  const Result<std::string> file = find_model(path);
  if (!file) return file.error();
  auto model = Model::load(*file);
  if (!model && model.error().code == ErrorCode::kIo) return Error{ErrorCode::kModel, model.error().message};
  return model;
}

}  // namespace compass::tools
