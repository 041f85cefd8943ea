#include "interop/part_reader.h"

#include <fmt/format.h>

#include "core/printable.h"
#include "interop/reference_names.h"

namespace compass {
namespace {

// What a Checkpoint member that reads a tensor looks like.
template <typename T>
using ReadTensor = Result<std::vector<T>> (Checkpoint::*)(const CheckpointTensor&);

template <typename T>
Result<std::vector<T>> read(PartReader& reader, Checkpoint& source, const std::string& key,
                            ReadTensor<T> how) {
  const CheckpointTensor* tensor = reader.find(key);
  if (tensor == nullptr) {
    return reader.bad(key, "is missing");
  }
  auto values = (source.*how)(*tensor);
  if (!values) {
    return reader.bad(key, values.error().message);
  }
  return values;
}

}  // namespace

Error PartReader::bad(std::string_view key, std::string_view what) const {
  const std::string place = part_.path.empty() ? "" : printable(part_.path) + ": ";
  return {ErrorCode::kBadFile, fmt::format("{}{} {}", place, printable(key), what)};
}

const CheckpointTensor* PartReader::find(const std::string& key) {
  used_.insert(key);
  const auto found = part_.tensors.find(key);
  return found == part_.tensors.end() || found->second.elements() == 0 ? nullptr : &found->second;
}

Result<std::vector<float>> PartReader::floats(const std::string& key) {
  return read(*this, *part_.source, key, &Checkpoint::floats);
}

Result<std::vector<int32_t>> PartReader::integers(const std::string& key) {
  return read(*this, *part_.source, key, &Checkpoint::integers);
}

std::vector<std::string> PartReader::left_over() const {
  std::vector<std::string> keys;
  for (const auto& [key, tensor] : part_.tensors) {
    if (!used_.contains(key) && !is_constant_key(key)) {
      keys.push_back(key);
    }
  }
  return keys;
}

}  // namespace compass
