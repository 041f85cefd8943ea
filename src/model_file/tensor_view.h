// A tensor as a file holds it: type, shape and bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace compass {

enum class DType { kF32, kF16, kBF16, kF64, kI8, kU8, kI16, kU16, kI32, kI64 };

// Bytes per element.
int dtype_size(DType dtype);

// The format's name for it: "F32", "BF16", "I8", ... and what a name stands for, if anything.
std::string_view dtype_name(DType dtype);
std::optional<DType> dtype_named(std::string_view name);

// One tensor: C order, little-endian. `data` views memory that the file object owns.
struct TensorView {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::span<const uint8_t> data;

  int64_t elements() const;
  // Values converted to float (F32, F16, BF16, F64) or int32 (integer types). Errors: wrong kind of dtype,
  // non-finite floats, integers out of range; the message names no tensor (the caller knows it).
  Result<std::vector<float>> floats() const;
  Result<std::vector<int32_t>> integers() const;
};

// convert(element) of every element of type T, wherever the bytes lie.
template <typename T, typename Out, typename Convert>
std::vector<Out> converted(std::span<const uint8_t> data, Convert convert) {
  std::vector<Out> out(data.size() / sizeof(T));
  for (size_t i = 0; i < out.size(); ++i) {
    T element;
    std::memcpy(&element, data.data() + i * sizeof(T), sizeof(T));
    out[i] = convert(element);
  }
  return out;
}

}  // namespace compass
