// Samples between bytes, or 16-bit words, and the floats that the codec sees.
#pragma once

#include <cstdint>

namespace compass {

// A 16-bit sample as the codec sees it.
inline float sample_of_deep(uint16_t v) {
  return static_cast<float>(v) / 65535.0F;
}

// A float sample as a byte: clamped to [0,1], times 255, rounded half up; NaN gives 0.
inline uint8_t byte_of_sample(float v) {
  // The comparison comes first so that a NaN becomes 0 instead of an undefined conversion.
  const float bounded = v > 0.0F ? (v < 1.0F ? v : 1.0F) : 0.0F;
  return static_cast<uint8_t>(bounded * 255.0F + 0.5F);  // NOLINT(bugprone-incorrect-roundings): half up
}

// The same as 16 bits.
inline uint16_t deep_of_sample(float v) {
  const float bounded = v > 0.0F ? (v < 1.0F ? v : 1.0F) : 0.0F;
  return static_cast<uint16_t>(bounded * 65535.0F + 0.5F);  // NOLINT(bugprone-incorrect-roundings): half up
}

}  // namespace compass
