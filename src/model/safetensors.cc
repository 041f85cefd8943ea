#include "model/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/mapped_file.h"
#include "core/printable.h"

namespace compass {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are copied as they lie in the file");

constexpr uint64_t kMaxHeader = uint64_t{16} << 20;
constexpr size_t kMaxDimensions = 8;
constexpr size_t kLengthBytes = 8;
constexpr std::string_view kMetadataKey = "__metadata__";

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

Error bad(std::string message) {
  return {ErrorCode::kModel, "safetensors: " + std::move(message)};
}

// One tensor's entry in the header.
struct HeaderEntry {
  std::optional<std::string> dtype;
  std::optional<std::vector<uint64_t>> shape;
  std::optional<std::vector<uint64_t>> offsets;
};

// Receives the header's JSON as events and accepts the format's three levels only. Working on events instead
// of a document bounds memory by the text's length whatever it nests, and sees duplicate keys.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::map<std::string, HeaderEntry, std::less<>> entries;
  std::map<std::string, std::string, std::less<>> metadata;
  std::string problem;  // the first thing found wrong; empty if none

  bool start_object(std::size_t) override {
    if (array_ != nullptr || depth_ > 1 || (depth_ == 1 && key_.empty())) {
      return refuse("unexpected object");
    }
    if (depth_ == 1) {
      in_metadata_ = tensor_ == kMetadataKey;
    }
    ++depth_;
    return true;
  }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool key(string_t& name) override {
    key_ = name;
    if (depth_ != 1) {
      return true;
    }
    if (name.empty()) {
      return refuse("a tensor has no name");
    }
    const bool seen = name == kMetadataKey ? std::exchange(metadata_seen_, true)
                                           : !entries.emplace(name, HeaderEntry{}).second;
    tensor_ = name;
    return !seen || refuse("duplicate name");
  }
  bool string(string_t& text) override {
    if (depth_ != 2 || array_ != nullptr) {
      return refuse("unexpected string");
    }
    if (in_metadata_) {
      return metadata.emplace(key_, text).second || refuse("duplicate key in __metadata__");
    }
    if (key_ != "dtype") {
      return refuse("unexpected string");
    }
    return set_once(entries[tensor_].dtype, text);
  }
  bool start_array(std::size_t) override {
    if (depth_ != 2 || in_metadata_ || array_ != nullptr) {
      return refuse("unexpected array");
    }
    HeaderEntry& entry = entries[tensor_];
    std::optional<std::vector<uint64_t>>* target = key_ == "shape"          ? &entry.shape
                                                   : key_ == "data_offsets" ? &entry.offsets
                                                                            : nullptr;
    if (target == nullptr) {
      return refuse("unexpected array");
    }
    if (!set_once(*target, {})) {
      return false;
    }
    array_ = &**target;
    return true;
  }
  bool end_array() override {
    array_ = nullptr;
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (array_ == nullptr) {
      return refuse("unexpected number");
    }
    if (array_->size() == kMaxDimensions) {
      return refuse("more than 8 dimensions");
    }
    array_->push_back(value);
    return true;
  }
  bool number_integer(number_integer_t) override { return refuse("negative number"); }
  bool number_float(number_float_t, const string_t&) override { return refuse("fractional or huge number"); }
  bool null() override { return refuse("unexpected null"); }
  bool boolean(bool) override { return refuse("unexpected boolean"); }
  bool binary(binary_t&) override { return refuse("unexpected binary"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    return refuse(fmt::format("the header is not valid JSON (character {})", position));
  }

 private:
  bool refuse(std::string_view what) {
    problem = tensor_.empty() ? std::string(what) : fmt::format("{} at {}", what, printable(tensor_));
    return false;
  }
  template <typename T>
  bool set_once(std::optional<T>& target, T value) {
    if (target) {
      return refuse("duplicate key");
    }
    target = std::move(value);
    return true;
  }

  int depth_ = 0;
  bool in_metadata_ = false;
  bool metadata_seen_ = false;
  std::string tensor_;
  std::string key_;
  std::vector<uint64_t>* array_ = nullptr;
};

// Checks one entry against the length of the data section. On success: the view, and where it begins.
Result<std::pair<uint64_t, TensorView>> view_of(const HeaderEntry& entry, std::span<const uint8_t> data) {
  if (!entry.dtype || !entry.shape || !entry.offsets || entry.offsets->size() != 2) {
    return bad("needs dtype, shape and two data_offsets");
  }
  const auto row = std::find_if(kDTypes.begin(), kDTypes.end(),
                                [&](const DTypeName& d) { return d.name == *entry.dtype; });
  if (row == kDTypes.end()) {
    return bad("unknown dtype " + printable(*entry.dtype));
  }
  const uint64_t begin = (*entry.offsets)[0];
  const uint64_t end = (*entry.offsets)[1];
  if (begin > end || end > data.size()) {
    return bad(fmt::format("data_offsets [{}, {}] lie outside the {} bytes of data (truncated file?)", begin,
                           end, data.size()));
  }
  TensorView view{row->dtype, {}, data.subspan(begin, end - begin)};
  uint64_t bytes = row->size;
  for (const uint64_t side : *entry.shape) {
    if (side > static_cast<uint64_t>(std::numeric_limits<int32_t>::max()) ||
        (side != 0 && bytes > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / side)) {
      return bad("absurd shape");
    }
    bytes *= side;
    view.shape.push_back(static_cast<int64_t>(side));
  }
  if (bytes != view.data.size()) {
    return bad(fmt::format("its shape needs {} bytes but it has {}", bytes, view.data.size()));
  }
  return std::pair{begin, std::move(view)};
}

// The format demands that tensors tile the data: no overlap, no bytes that nothing owns.
Status check_tiling(std::vector<std::pair<uint64_t, uint64_t>> ranges, uint64_t data_size) {
  std::sort(ranges.begin(), ranges.end());
  uint64_t at = 0;
  for (const auto& [begin, end] : ranges) {
    if (begin != at) {
      return bad(fmt::format("tensors {} at byte {} of the data", begin < at ? "overlap" : "leave a hole",
                             std::min(begin, at)));
    }
    at = end;
  }
  if (at != data_size) {
    return bad(fmt::format("{} bytes of data belong to no tensor", data_size - at));
  }
  return {};
}

struct Parsed {
  std::map<std::string, TensorView, std::less<>> tensors;
  std::map<std::string, std::string, std::less<>> metadata;
};

Result<Parsed> parse_bytes(std::span<const uint8_t> bytes) {
  if (bytes.size() < kLengthBytes) {
    return bad(fmt::format("{} bytes are too few for a safetensors file", bytes.size()));
  }
  uint64_t header_size = 0;
  std::memcpy(&header_size, bytes.data(), kLengthBytes);
  const auto rest = bytes.subspan(kLengthBytes);
  if (header_size > kMaxHeader) {
    return bad(fmt::format("the header claims {} bytes, the limit is {} (not a safetensors file?)",
                           header_size, kMaxHeader));
  }
  if (header_size > rest.size()) {
    return bad(
        fmt::format("the header claims {} bytes, the file has {} (truncated?)", header_size, rest.size()));
  }
  const auto header = rest.first(header_size);
  const auto data = rest.subspan(header_size);
  if (header.empty() || header[0] != '{') {
    return bad("the header does not begin with '{' (not a safetensors file?)");
  }

  HeaderReader reader;
  // nlohmann-json reports everything it dislikes through the reader; nothing is thrown.
  if (!nlohmann::json::sax_parse(header.begin(), header.end(), &reader)) {
    return bad(reader.problem.empty() ? "the header is not valid JSON" : reader.problem);
  }

  Parsed parsed;
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (const auto& [name, entry] : reader.entries) {
    auto view = view_of(entry, data);
    if (!view) {
      return Error{view.error().code, fmt::format("{} (tensor {})", view.error().message, printable(name))};
    }
    ranges.emplace_back(view->first, view->first + view->second.data.size());
    parsed.tensors.emplace(name, std::move(view->second));
  }
  if (const Status tiled = check_tiling(std::move(ranges), data.size()); !tiled) {
    return tiled.error();
  }
  parsed.metadata = std::move(reader.metadata);
  return parsed;
}

// IEEE half to float. Exact. Without branches, so that loops over it vectorise.
float half_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000U) << 16;
  // Exponent and mantissa where a float has them; the exponent's bias is 112 short, for subnormals too.
  const uint32_t magnitude = static_cast<uint32_t>(half & 0x7FFFU) << 13;
  const auto scaled = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112F);
  const uint32_t infinite = magnitude >= 0x0F800000U ? 0x7F800000U : 0U;  // or NaN
  return std::bit_cast<float>(sign | scaled | infinite);
}

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

// Calls convert(element) for every element of type T, wherever the bytes lie.
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

template <typename T>
void append(std::vector<uint8_t>& out, T value) {
  const auto bytes = std::bit_cast<std::array<uint8_t, sizeof(T)>>(value);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

int dtype_size(DType dtype) {
  return row_of(dtype).size;
}

std::string_view dtype_name(DType dtype) {
  return row_of(dtype).name;
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

Result<Safetensors> Safetensors::parse(std::vector<uint8_t> bytes) {
  const auto storage = std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
  auto parsed = parse_bytes(*storage);
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
    return Error{ErrorCode::kModel, mapping.error().message};
  }
  auto parsed = parse_bytes((*mapping)->bytes());
  if (!parsed) {
    return Error{parsed.error().code, fmt::format("{}: {}", path, parsed.error().message)};
  }
  Safetensors file;
  file.storage_ = *mapping;
  file.tensors_ = std::move(parsed->tensors);
  file.metadata_ = std::move(parsed->metadata);
  return file;
}

const TensorView* Safetensors::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

namespace {
constexpr std::string_view kStep = ".step";
constexpr float kMostSteps = 127.0F;
}  // namespace

Result<std::vector<float>> Safetensors::floats(std::string_view name) const {
  const TensorView* view = find(name);
  if (view == nullptr) return Error{ErrorCode::kModel, "is missing"};
  if (view->dtype != DType::kI8) return view->floats();
  const TensorView* companion = find(std::string(name).append(kStep));
  if (companion == nullptr)
    return Error{ErrorCode::kModel, "has integers but no '.step' to give them a size"};
  const auto steps = companion->floats();
  if (!steps) return Error{ErrorCode::kModel, "has steps with an error: " + steps.error().message};
  const bool fit = !view->shape.empty() && companion->shape == std::vector<int64_t>{view->shape[0]} &&
                   std::ranges::all_of(*steps, [](float step) { return step > 0.0F; });
  if (!fit) return Error{ErrorCode::kModel, "needs one step above 0 for each index of its first dimension"};
  std::vector<float> values = converted<int8_t, float>(view->data, [](int8_t v) { return v; });
  const size_t row = steps->empty() ? 0 : values.size() / steps->size();
  float* value = values.data();
  for (const float step : *steps) {
    for (const float* const end = value + row; value != end; ++value) *value *= step;
  }
  return values;
}

bool Safetensors::holds_steps(std::string_view name) const {
  if (!name.ends_with(kStep)) return false;
  const TensorView* whole = find(name.substr(0, name.size() - kStep.size()));
  return whole != nullptr && whole->dtype == DType::kI8;
}

void SafetensorsWriter::add_stepped(const std::string& name, const std::vector<int64_t>& shape,
                                    std::span<const float> values) {
  const auto rows = static_cast<size_t>(shape.front());
  const size_t row = values.size() / rows;
  std::vector<float> steps;
  std::vector<int32_t> integers;
  integers.reserve(values.size());
  for (size_t r = 0; r < rows; ++r) {
    const auto part = values.subspan(r * row, row);
    float largest = 0.0F;
    for (const float v : part) largest = std::max(largest, std::abs(v));
    const float step = largest > 0.0F ? largest / kMostSteps : 1.0F;
    steps.push_back(step);
    for (const float v : part) integers.push_back(static_cast<int32_t>(std::lround(v / step)));
  }
  add_integers(name, shape, integers, DType::kI8);
  add_floats(name + std::string(kStep), {shape.front()}, steps);
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
