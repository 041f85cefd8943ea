// The number formats of activations in memory.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace compass::nn {

enum class Element { kF32, kBF16 };

inline size_t element_size(Element e) {
  return e == Element::kF32 ? 4 : 2;
}

// The upper half of a float: 8 exponent bits, 7 mantissa bits.
using BFloat16 = uint16_t;

// Round to nearest, ties to even. Not for NaN.
inline BFloat16 to_bf16(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  return static_cast<BFloat16>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

inline float to_float(BFloat16 x) {
  return std::bit_cast<float>(static_cast<uint32_t>(x) << 16);
}

}  // namespace compass::nn
