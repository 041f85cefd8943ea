#include "entropy/layer_stream.h"

#include <algorithm>

namespace compass {

Status check_z(size_t symbols, const CdfTables& tables) {
  if (tables.rows() == 0 ? symbols != 0 : symbols % tables.rows() != 0) {
    return Error{ErrorCode::kFailure, "z is not a multiple of its entropy tables' channels"};
  }
  return {};
}

Status check_coefficients(size_t coefficients, size_t directions) {
  if (coefficients == 0 || (directions > 0 && coefficients % directions == 0)) return {};
  return Error{ErrorCode::kFailure, "coefficients that are not so many for each region"};
}

Status check_y(size_t symbols, std::span<const uint8_t> indexes, const CdfTables& tables) {
  if (indexes.size() != symbols) return Error{ErrorCode::kFailure, "y needs as many indexes as symbols"};
  if (!indexes.empty() && tables.use() == CdfTables::Use::kTrellis) {
    return Error{ErrorCode::kFailure, "symbols of a trellis are to be coded as levels"};
  }
  uint8_t highest = 0;
  for (const uint8_t index : indexes) highest = std::max(highest, index);
  if (!indexes.empty() && highest >= tables.rows()) {
    return Error{ErrorCode::kFailure, "a scale index has no entropy table"};
  }
  return {};
}

}  // namespace compass
