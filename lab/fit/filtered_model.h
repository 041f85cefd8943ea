// A model file with other loop filters.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/result.h"
#include "model_file/safetensors.h"
#include "model_file/weights.h"

namespace compass::fit {

// The model of `file` with these loop filters (stored in fp16) and no others; an empty one is left out.
// Errors: kModel if the file is no model.
Result<std::vector<uint8_t>> with_filters(const Safetensors& file, const FilterWeights& base,
                                          const FilterWeights& enhancement);

}  // namespace compass::fit
