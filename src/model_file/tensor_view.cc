#include "model_file/tensor_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "core/half.h"

namespace compass {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are copied as they lie in the file");

struct DTypeName {
  DType dtype;
  std::string_view name;
  int size;
};
constexpr std::array kDTypes{DTypeName{DType::kF32, "F32", 4},   DTypeName{DType::kF16, "F16", 2},
                             DTypeName{DType::kBF16, "BF16", 2}, DTypeName{DType::kF64, "F64", 8},
                             DTypeName{DType::kI8, "I8", 1},     DTypeName{DType::kU8, "U8", 1},
                             DTypeName{DType::kI16, "I16", 2},   DTypeName{DType::kU16, "U16", 2},
                             DTypeName{DType::kI32, "I32", 4},   DTypeName{DType::kI64, "I64", 8}};

const DTypeName& row_of(DType dtype) {
  return *std::find_if(kDTypes.begin(), kDTypes.end(), [&](const DTypeName& d) { return d.dtype == dtype; });
}

}  // namespace

int dtype_size(DType dtype) {
  return row_of(dtype).size;
}

std::string_view dtype_name(DType dtype) {
  return row_of(dtype).name;
}

std::optional<DType> dtype_named(std::string_view name) {
  const auto row = std::ranges::find(kDTypes, name, &DTypeName::name);
  if (row == kDTypes.end()) return std::nullopt;
  return row->dtype;
}

int64_t TensorView::elements() const {
  int64_t count = 1;
  for (const int64_t side : shape) {
    count *= side;
  }
  return count;
}

Result<std::vector<float>> TensorView::floats() const {
  std::vector<float> out;
  switch (dtype) {
    case DType::kF32:
      out = converted<float, float>(data, [](float v) { return v; });
      break;
    case DType::kF16:
      out = converted<uint16_t, float>(data, half_to_float);
      break;
    case DType::kBF16:
      out = converted<uint16_t, float>(
          data, [](uint16_t v) { return std::bit_cast<float>(static_cast<uint32_t>(v) << 16); });
      break;
    case DType::kF64:
      out = converted<double, float>(data, [](double v) { return static_cast<float>(v); });
      break;
    default:
      return Error{ErrorCode::kModel, fmt::format("holds {}, floats are needed", dtype_name(dtype))};
  }
  uint32_t finite = 1;
  for (const float v : out)
    finite &= static_cast<uint32_t>((std::bit_cast<uint32_t>(v) & 0x7F800000U) != 0x7F800000U);
  if (finite == 0) {
    const auto odd = std::find_if(out.begin(), out.end(), [](float v) { return !std::isfinite(v); });
    return Error{ErrorCode::kModel, fmt::format("element {} is {}", odd - out.begin(),
                                                std::isnan(*odd) ? "not a number" : "infinite")};
  }
  return out;
}

Result<std::vector<int32_t>> TensorView::integers() const {
  const auto same = [](auto v) { return static_cast<int32_t>(v); };
  switch (dtype) {
    case DType::kI8:
      return converted<int8_t, int32_t>(data, same);
    case DType::kU8:
      return converted<uint8_t, int32_t>(data, same);
    case DType::kI16:
      return converted<int16_t, int32_t>(data, same);
    case DType::kU16:
      return converted<uint16_t, int32_t>(data, same);
    case DType::kI32:
      return converted<int32_t, int32_t>(data, same);
    case DType::kI64: {
      bool in_range = true;
      auto out = converted<int64_t, int32_t>(data, [&](int64_t v) {
        in_range = in_range && v == static_cast<int32_t>(v);
        return static_cast<int32_t>(v);
      });
      if (!in_range) {
        return Error{ErrorCode::kModel, "holds an integer beyond 32 bits"};
      }
      return out;
    }
    default:
      return Error{ErrorCode::kModel, fmt::format("holds {}, integers are needed", dtype_name(dtype))};
  }
}

}  // namespace compass
