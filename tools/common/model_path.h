// Finding the model of a file, or the shipped one, where the user has named none.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bitstream/container.h"
#include "core/result.h"
#include "model_file/model.h"

namespace compass::tools {

// A tag as text, "a1b2c3d4": the beginning of a model's id, by which a file refers to its model.
std::string tag_text(const ModelTag& tag);

// Where models are looked for, best first: each entry of the environment variable COMPASS_MODEL_PATH (a colon
// between entries; directories or model files), the models installed beside the program.
std::vector<std::string> model_places();

// `path` (the user's --model) or, if that is empty, the shipped model: the first lite.safetensors in
// model_places(), or the first entry of COMPASS_MODEL_PATH that is itself a file. Errors: kModel.
Result<std::string> find_model(const std::string& path);

// The model of that file. Errors: kModel, kIo.
Result<std::shared_ptr<const Model>> load_model(const std::string& path);

// The model that made `file_name`. With an empty `path`, every model of model_places() is tried until one has
// the id that the tag begins. Errors: kModel, naming the model wanted and those found.
Result<std::shared_ptr<const Model>> load_model_for(const ModelTag& wanted, const std::string& path,
                                                    const std::string& file_name);

}  // namespace compass::tools
