#include "model_file/safetensors_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "core/printable.h"

namespace compass {
namespace {

constexpr uint64_t kMaxHeader = uint64_t{16} << 20;
constexpr size_t kMaxDimensions = 8;

Error bad(std::string message) {
  return {ErrorCode::kModel, "safetensors: " + std::move(message)};
}

// One tensor's entry in the header.
struct HeaderEntry {
  std::optional<std::string> dtype;
  std::optional<std::vector<uint64_t>> shape;
  std::optional<std::vector<uint64_t>> offsets;
};

// Receives the header's JSON as events and accepts the format's three levels only. With events rather than a
// document, memory is bounded by the text's length however deeply it nests, and duplicate keys are found.
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
  const auto dtype = dtype_named(*entry.dtype);
  if (!dtype) {
    return bad("unknown dtype " + printable(*entry.dtype));
  }
  const uint64_t begin = (*entry.offsets)[0];
  const uint64_t end = (*entry.offsets)[1];
  if (begin > end || end > data.size()) {
    return bad(fmt::format("data_offsets [{}, {}] lie outside the {} bytes of data (truncated file?)", begin,
                           end, data.size()));
  }
  TensorView view{*dtype, {}, data.subspan(begin, end - begin)};
  auto bytes = static_cast<uint64_t>(dtype_size(*dtype));
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

}  // namespace

Result<SafetensorsParts> read_safetensors(std::span<const uint8_t> bytes) {
  if (bytes.size() < kLengthBytes) {
    return bad(fmt::format("{} bytes are too few for a safetensors file", bytes.size()));
  }
  uint64_t header_size = 0;
  std::memcpy(&header_size, bytes.data(), kLengthBytes);
  const auto rest = bytes.subspan(kLengthBytes);
  if (rest.empty() || rest[0] != '{') {
    return bad("not a safetensors file: its header does not begin with '{'");
  }
  if (header_size > kMaxHeader) {
    return bad(fmt::format("the header claims {} bytes, the limit is {}", header_size, kMaxHeader));
  }
  if (header_size > rest.size()) {
    return bad(
        fmt::format("the header claims {} bytes, the file has {} (truncated?)", header_size, rest.size()));
  }
  const auto header = rest.first(header_size);
  const auto data = rest.subspan(header_size);
  if (header.empty()) return bad("the header is empty");

  HeaderReader reader;
  // nlohmann-json reports everything it dislikes through the reader; nothing is thrown.
  const auto* const text = reinterpret_cast<const char*>(header.data());
  if (!nlohmann::json::sax_parse(text, text + header.size(), &reader)) {
    return bad(reader.problem.empty() ? "the header is not valid JSON" : reader.problem);
  }

  SafetensorsParts parsed;
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

}  // namespace compass
