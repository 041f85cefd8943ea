// Parameters in a file of weights.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model_file/safetensors.h"
#include "system.h"

namespace compass::train {

// The tensor of this name, in floats. Gain vectors of fewer rate points than these are lengthened
// (model_writer/extended_model.h). Nothing if the file has none; throws c10::Error, with `path` in its
// message, if it cannot be read.
std::optional<Tensor> parameter_in(const Safetensors& file, const std::string& path, const std::string& name,
                                   const std::vector<double>& rate_points);

}  // namespace compass::train
