#include "model_writer/safetensors_writer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "model_file/safetensors_parts.h"

namespace compass {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are copied as they lie in the file");

// Float to IEEE half, nearest even; too large becomes infinity.
uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000U);
  const uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) {
    return sign | 0x7E00U;  // NaN
  }
  if (magnitude >= 0x477FF000U) {
    return sign | 0x7C00U;  // 65520 and up round to infinity
  }
  if (magnitude < 0x38800000U) {  // below 2^-14: count units of 2^-24; nearbyint rounds to even
    return sign | static_cast<uint16_t>(std::nearbyint(std::ldexp(std::bit_cast<float>(magnitude), 24)));
  }
  const uint32_t rounded = magnitude + 0xFFFU + ((magnitude >> 13) & 1U);
  return sign | static_cast<uint16_t>((rounded - 0x38000000U) >> 13);
}

// Float to bfloat16, nearest even.
uint16_t float_to_bfloat(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) {
    return static_cast<uint16_t>((bits >> 16) | 0x40U);  // keep NaN a NaN
  }
  return static_cast<uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

template <typename T>
void append(std::vector<uint8_t>& out, T value) {
  const size_t at = out.size();
  out.resize(at + sizeof value);
  std::memcpy(out.data() + at, &value, sizeof value);
}

}  // namespace

void SafetensorsWriter::add_scaled(const std::string& name, const std::vector<int64_t>& shape,
                                   std::span<const float> values) {
  const auto rows = static_cast<size_t>(shape.front());
  const size_t row = values.size() / rows;
  std::vector<float> scales;
  std::vector<int32_t> integers;
  integers.reserve(values.size());
  for (size_t r = 0; r < rows; ++r) {
    const auto part = values.subspan(r * row, row);
    float largest = 0.0F;
    for (const float v : part) largest = std::max(largest, std::abs(v));
    const float scale = largest > 0.0F ? largest / kMaxScaled : 1.0F;
    scales.push_back(scale);
    for (const float v : part) integers.push_back(static_cast<int32_t>(std::lround(v / scale)));
  }
  add_integers(name, shape, integers, DType::kI8);
  add_floats(name + std::string(kScaleSuffix), {shape.front()}, scales);
}

void SafetensorsWriter::add(const std::string& name, const TensorView& tensor) {
  entries_.insert_or_assign(name,
                            Entry{tensor.dtype, tensor.shape, {tensor.data.begin(), tensor.data.end()}});
}

void SafetensorsWriter::add_floats(std::string name, std::vector<int64_t> shape,
                                   std::span<const float> values, DType dtype) {
  assert(dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16);
  Entry entry{dtype, std::move(shape), {}};
  entry.data.reserve(values.size() * static_cast<size_t>(dtype_size(dtype)));
  for (const float value : values) {
    if (dtype == DType::kF32) {
      append(entry.data, value);
    } else {
      append(entry.data, dtype == DType::kF16 ? float_to_half(value) : float_to_bfloat(value));
    }
  }
  entries_.insert_or_assign(std::move(name), std::move(entry));
}

void SafetensorsWriter::add_integers(std::string name, std::vector<int64_t> shape,
                                     std::span<const int32_t> values, DType dtype) {
  Entry entry{dtype, std::move(shape), {}};
  const auto size = static_cast<size_t>(dtype_size(dtype));
  entry.data.reserve(values.size() * size);
  for (const int32_t value : values) {
    // Little-endian two's complement: the low bytes of the sign-extended value, whatever the width.
    const auto bytes = std::bit_cast<std::array<uint8_t, sizeof(int64_t)>>(static_cast<int64_t>(value));
    entry.data.insert(entry.data.end(), bytes.begin(), bytes.begin() + size);
  }
  entries_.insert_or_assign(std::move(name), std::move(entry));
}

void SafetensorsWriter::set_metadata(std::string key, std::string value) {
  metadata_.insert_or_assign(std::move(key), std::move(value));
}

std::vector<uint8_t> SafetensorsWriter::finish() const {
  std::vector<const std::pair<const std::string, Entry>*> order;
  for (const auto& entry : entries_) {
    order.push_back(&entry);
  }
  // Widest elements first: with the header padded to 8 bytes every tensor is then aligned to its element,
  // which PyTorch's reader needs. Stable, so that names order the rest.
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return dtype_size(a->second.dtype) > dtype_size(b->second.dtype);
  });

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata_.empty()) {
    header[std::string(kMetadataKey)] = metadata_;
  }
  size_t at = 0;
  for (const auto* item : order) {
    const auto& [name, entry] = *item;
    const size_t end = at + entry.data.size();
    header[name] = {{"dtype", dtype_name(entry.dtype)}, {"shape", entry.shape}, {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');

  std::vector<uint8_t> out;
  out.reserve(kLengthBytes + text.size() + at);
  append(out, static_cast<uint64_t>(text.size()));
  out.insert(out.end(), text.begin(), text.end());
  for (const auto* item : order) {
    out.insert(out.end(), item->second.data.begin(), item->second.data.end());
  }
  return out;
}

}  // namespace compass
