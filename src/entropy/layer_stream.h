// What encoder and decoder of a layer's stream (layer_coder.h) have in common.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "core/result.h"
#include "entropy/cdf_tables.h"
#include "entropy/layer_coder.h"

namespace compass {

// Elements with this scale index are zero but for a list of exceptions.
inline constexpr uint8_t kSkippedIndex = 0;

// Exceptions among dependently quantised elements are these multiples of levels.
inline constexpr int kExceptionLevels = 2;

// The order of the Exp-Golomb code of the loop filter's coefficients.
inline constexpr int kCoefficientOrder = 1;

// The order of the Exp-Golomb code of the gaps between `exceptions` among `elements`: about log2 of the mean
// gap.
inline int gap_order(uint64_t elements, uint64_t exceptions) {
  return static_cast<int>(std::bit_width(elements / exceptions)) - 1;
}

// Whether so many symbols fit the tables, the indexes and each other. Errors: kFailure.
Status check_z(size_t symbols, const CdfTables& tables);
Status check_coefficients(size_t coefficients, size_t directions);
Status check_y(size_t symbols, std::span<const uint8_t> indexes, const CdfTables& tables);

}  // namespace compass
