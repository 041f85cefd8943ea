// A model file whose y is quantised dependently.
#pragma once

#include <cstdint>
#include <vector>

#include "core/result.h"
#include "model_file/description.h"
#include "model_file/safetensors.h"
#include "priors/level_counts.h"

namespace compass {

// The model of `file` with such a trellis in both codecs, whose tables follow from what was counted.
// `enhancement` is not looked at if the model has one layer. Errors: kModel if the file is no model.
// Only codecs with integer scales may have a trellis, which Model::parse checks.
Result<std::vector<uint8_t>> with_trellis(const Safetensors& file, const TrellisDescription& trellis,
                                          const LevelCounts& base, const LevelCounts& enhancement);

}  // namespace compass
