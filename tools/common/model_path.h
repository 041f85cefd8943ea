// Finding the model of a file, or the shipped one, where the user has named none.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "command.h"
#include "core/result.h"
#include "library.h"
#include "model_file/model.h"

namespace compass::tools {

// Where models are looked for, best first: each entry of the environment variable COMPASS_MODEL_PATH (a colon
// between entries; directories or model files), the models installed beside the program.
std::vector<std::string> model_places();

// `path` (the user's --model: a file, or a bare name such as "lite" of one in model_places()) or, if that is
// empty, the shipped model for encoding a largest layer of this quality: the first lite.safetensors in
// model_places(), or from COMPASS_HIGH_QUALITY on lite-hq.safetensors beside or instead of it; or the first
// entry of COMPASS_MODEL_PATH that is itself a file. Errors: kModel.
Result<std::string> find_model(const std::string& path, double quality = 0.0);

// The models that find_model finds for low and, if that is another, for high qualities. Errors: kModel.
Result<std::vector<std::string>> shipped_models();

// The models of pages (`publish`, `serve`, `view`). The first is the one that pictures are encoded with: that
// of `path` or, if that is empty, swift.safetensors, which is small and fast, where it lies beside or instead
// of the model that find_model would find, else that one. The others, all that there are, decode files made
// with them. Errors: kModel.
Result<std::vector<std::string>> page_models(const std::string& path);

// The model that find_model finds. Errors: kModel.
Result<ModelHandle> open_model(const std::string& path, double quality = 0.0);

// A model that decodes `file_name`. With an empty `path`, every model of model_places() is tried until one
// has that decoder. Errors: kModel, naming the decoder wanted and those found.
Result<ModelHandle> open_model_for(const uint8_t wanted[8], const std::string& path,
                                   const std::string& file_name, ModelUse use = ModelUse::kAny);

// What commands say of it.
Json model_json(const compass_model* model);

// The model that find_model finds, for those who use the codec from within: `compass-lab`.
Result<std::shared_ptr<const Model>> load_model(const std::string& path);

}  // namespace compass::tools
