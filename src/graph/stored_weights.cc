#include "graph/stored_weights.h"

#include <algorithm>

#include "core/half.h"

namespace compass::nn {

size_t StoredWeights::size() const {
  if (const auto* scaled = std::get_if<Scaled>(&values_)) return scaled->integers.size();
  if (const auto* halves = std::get_if<std::vector<uint16_t>>(&values_)) return halves->size();
  return std::get<std::vector<float>>(values_).size();
}

std::vector<float> StoredWeights::floats() const {
  if (const auto* floats = std::get_if<std::vector<float>>(&values_)) return *floats;
  std::vector<float> out(size());
  if (const auto* halves = std::get_if<std::vector<uint16_t>>(&values_)) {
    std::ranges::transform(*halves, out.begin(), half_to_float);
    return out;
  }
  const auto& [integers, scales] = std::get<Scaled>(values_);
  const size_t row = scales.empty() ? 0 : integers.size() / scales.size();
  for (size_t r = 0; r < scales.size(); ++r) {
    for (size_t i = r * row; i < (r + 1) * row; ++i) out[i] = static_cast<float>(integers[i]) * scales[r];
  }
  return out;
}

}  // namespace compass::nn
