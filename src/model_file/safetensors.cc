#include "model_file/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/mapped_file.h"
#include "model_file/safetensors_parts.h"

namespace compass {

Result<Safetensors> Safetensors::parse(std::vector<uint8_t> bytes) {
  const auto storage = std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
  auto parsed = read_safetensors(*storage);
  if (!parsed) {
    return parsed.error();
  }
  Safetensors file;
  file.storage_ = storage;
  file.tensors_ = std::move(parsed->tensors);
  file.metadata_ = std::move(parsed->metadata);
  return file;
}

Result<Safetensors> Safetensors::load(const std::string& path) {
  auto mapping = MappedFile::open(path);
  if (!mapping) {
    return mapping.error();
  }
  auto parsed = read_safetensors((*mapping)->bytes());
  if (!parsed) {
    return Error{parsed.error().code, fmt::format("{}: {}", path, parsed.error().message)};
  }
  Safetensors file;
  file.storage_ = *mapping;
  file.tensors_ = std::move(parsed->tensors);
  file.metadata_ = std::move(parsed->metadata);
  return file;
}

std::string_view Safetensors::metadata(std::string_view key) const {
  const auto found = metadata_.find(key);
  return found == metadata_.end() ? std::string_view() : found->second;
}

const TensorView* Safetensors::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

Result<std::vector<float>> Safetensors::floats(std::string_view name) const {
  const TensorView* view = find(name);
  if (view == nullptr) return Error{ErrorCode::kModel, "is missing"};
  if (view->dtype != DType::kI8) return view->floats();
  const TensorView* companion = find(std::string(name).append(kScaleSuffix));
  if (companion == nullptr) return Error{ErrorCode::kModel, "has integers but no '.step' to scale them"};
  const auto scales = companion->floats();
  if (!scales) return Error{ErrorCode::kModel, "has scales with an error: " + scales.error().message};
  const bool fit = !view->shape.empty() && companion->shape == std::vector<int64_t>{view->shape[0]} &&
                   std::ranges::all_of(*scales, [](float scale) { return scale > 0.0F; });
  if (!fit) return Error{ErrorCode::kModel, "needs one scale above 0 for each index of its first dimension"};
  std::vector<float> values = converted<int8_t, float>(view->data, [](int8_t v) { return v; });
  const size_t row = scales->empty() ? 0 : values.size() / scales->size();
  float* value = values.data();
  for (const float scale : *scales) {
    for (const float* const end = value + row; value != end; ++value) *value *= scale;
  }
  return values;
}

Result<nn::StoredWeights> Safetensors::weights(std::string_view name) const {
  auto values = floats(name);
  if (!values) return values.error();
  const TensorView& view = *find(name);
  const auto same = [](auto v) { return v; };
  if (view.dtype == DType::kF16) return nn::StoredWeights(converted<uint16_t, uint16_t>(view.data, same));
  if (view.dtype == DType::kI8) {
    const TensorView& companion = *find(std::string(name).append(kScaleSuffix));
    return nn::StoredWeights(converted<int8_t, int8_t>(view.data, same), *companion.floats());
  }
  return nn::StoredWeights(*std::move(values));
}

bool Safetensors::holds_scales(std::string_view name) const {
  if (!name.ends_with(kScaleSuffix)) return false;
  const TensorView* whole = find(name.substr(0, name.size() - kScaleSuffix.size()));
  return whole != nullptr && whole->dtype == DType::kI8;
}

}  // namespace compass
