#include "model_path.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <system_error>

namespace compass::tools {
namespace {

namespace fs = std::filesystem;

constexpr const char* kShipped = "lite.safetensors";
constexpr const char* kEnding = ".safetensors";

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// Model files at the places, the shipped name first within each directory, then by name. `shipped_only`
// leaves out what is only found by looking into directories.
std::vector<std::string> model_files(bool shipped_only) {
  std::vector<std::string> files;
  for (const std::string& place : model_places()) {
    if (is_file(place)) {
      files.push_back(place);
      continue;
    }
    if (const fs::path shipped = fs::path(place) / kShipped; is_file(shipped))
      files.push_back(shipped.string());
    if (shipped_only) continue;
    std::vector<std::string> others;
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(place, ignored)) {
      const fs::path& path = entry.path();
      if (path.extension() == kEnding && path.filename() != kShipped && is_file(path))
        others.push_back(path.string());
    }
    std::sort(others.begin(), others.end());
    files.insert(files.end(), others.begin(), others.end());
  }
  return files;
}

// Any failure to read a model becomes kModel, so that everything wrong with models has one exit code.
Result<std::shared_ptr<const Model>> read_model(const std::string& path) {
  Result<std::shared_ptr<const Model>> model = Model::load(path);
  if (!model && model.error().code == ErrorCode::kIo) return Error{ErrorCode::kModel, model.error().message};
  return model;
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

Result<std::string> find_model(const std::string& path) {
  if (!path.empty()) return path;
  const std::vector<std::string> files = model_files(/*shipped_only=*/true);
  if (!files.empty()) return files.front();
  return Error{ErrorCode::kModel,
               fmt::format("no {} in {}; name a model with --model or its directory in COMPASS_MODEL_PATH",
                           kShipped, fmt::join(model_places(), ", "))};
}

Result<std::shared_ptr<const Model>> load_model(const std::string& path) {
  const Result<std::string> file = find_model(path);
  return file ? read_model(*file) : file.error();
}

Result<std::shared_ptr<const Model>> load_model_for(const DecoderId& wanted, const std::string& path,
                                                    const std::string& file_name) {
  const auto other = [&](const std::string& found) {
    return Error{ErrorCode::kModel,
                 fmt::format("{} needs decoder {}, {}; name the model that made it with --model or put it in "
                             "COMPASS_MODEL_PATH",
                             file_name, to_string(wanted), found)};
  };
  if (!path.empty()) {
    Result<std::shared_ptr<const Model>> model = read_model(path);
    if (model && (*model)->decoder_id() != wanted) {
      return other(fmt::format("but {} has {}", path, to_string((*model)->decoder_id())));
    }
    return model;
  }
  std::string found;
  std::shared_ptr<const Model> base;  // decodes base layers alone: taken if nothing decodes more
  for (const std::string& file : model_files(/*shipped_only=*/false)) {
    Result<std::shared_ptr<const Model>> model = read_model(file);
    if (!model) continue;  // an unreadable model file is no error as long as another one fits
    if ((*model)->decoder_id() == wanted) {
      if ((*model)->parts() != ModelParts::kBaseDecoder) return model;
      if (!base) base = *model;
      continue;
    }
    found += fmt::format("{}{} ({})", found.empty() ? "" : ", ", file, to_string((*model)->decoder_id()));
  }
  if (base) return base;
  if (found.empty()) return other(fmt::format("and no model is in {}", fmt::join(model_places(), ", ")));
  return other("not those of " + found);
}

}  // namespace compass::tools
