// Rates above those that a model was trained for.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"
#include "model_file/safetensors.h"

namespace compass {

// Logarithms of gain vectors, [points][channels], and rows behind them for those of `lambdas` that they lack:
// in a straight line over log lambda through the last two. `points` is at least 2.
std::vector<float> lengthened(std::vector<float> log_gains, std::span<const double> lambdas, size_t points);

// The model in `file` with further rate points above its own, lambdas that rise; gain vectors are
// lengthened. Where a trellis has coarser steps below some qualities, these become the qualities of the same
// rates. Errors: kModel (not a model, of one rate, or a base layer's decoder alone); kUsage (lambdas that do
// not rise or are above kMaxLambda, or more than kMaxRatePoints in all).
Result<std::vector<uint8_t>> with_higher_rates(const Safetensors& file, std::span<const double> lambdas);

}  // namespace compass
