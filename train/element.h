// Loops over maps of float or bf16 elements, computed in float.
#pragma once

#include <torch/torch.h>

#include <bit>
#include <cstdint>

namespace compass::train {

inline float wide(float value) {
  return value;
}
inline float wide(c10::BFloat16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.x) << 16);
}
inline void narrow(float value, float& to) {
  to = value;
}
// To the nearest, ties to even, without BFloat16's question whether it is a NaN: this has to vectorise, and
// the NaNs that arithmetic makes (0x7fc00000) stay what they are.
inline void narrow(float value, c10::BFloat16& to) {
  const auto bits = std::bit_cast<uint32_t>(value);
  to.x = static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

// Calls body with a value of the map's type.
template <typename Body>
void of_type(const torch::Tensor& map, const Body& body) {
  if (map.scalar_type() == at::kBFloat16) {
    body(c10::BFloat16());
  } else {
    body(float());
  }
}

}  // namespace compass::train
