// IEEE half precision: 16 bits.
#pragma once

#include <bit>
#include <cstdint>

namespace compass {

// A half's value. Exact. Without branches, so that loops over it vectorise.
inline float half_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000U) << 16;
  // Exponent and mantissa where a float has them; the exponent's bias is 112 short, for subnormals too.
  const uint32_t magnitude = static_cast<uint32_t>(half & 0x7FFFU) << 13;
  const auto scaled = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112F);
  const uint32_t infinite = magnitude >= 0x0F800000U ? 0x7F800000U : 0U;  // or NaN
  return std::bit_cast<float>(sign | scaled | infinite);
}

}  // namespace compass
