// What is common to all that make a model file from another one.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "model_file/description.h"
#include "model_file/safetensors.h"
#include "model_writer/safetensors_writer.h"

namespace compass {

// What the model of `file` is, to be changed. Errors: kModel if the file is no model.
Result<Description> description_of(const Safetensors& file);

// All metadata of `file`, and its tensors: all of them, or those whose names `stays` returns true for.
SafetensorsWriter copy_of(const Safetensors& file,
                          const std::function<bool(std::string_view name)>& stays = {});

// The bytes of a model that is `description`.
std::vector<uint8_t> finished(SafetensorsWriter writer, const Description& description);

}  // namespace compass
