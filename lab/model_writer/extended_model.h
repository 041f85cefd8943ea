// Rates above those that a model was trained for.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"
#include "model_file/safetensors.h"

namespace compass {

// The model in `file` with further rate points above its own, lambdas that rise: the logarithms of its gain
// vectors go on from its last two points in a straight line over log lambda. Where a trellis has coarser
// steps below some qualities, these become the qualities of the same rates. Errors: kModel (not a model, or
// of one rate); kUsage (lambdas that do not rise).
Result<std::vector<uint8_t>> with_higher_rates(const Safetensors& file, std::span<const double> lambdas);

}  // namespace compass
