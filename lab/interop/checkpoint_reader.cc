#include "interop/checkpoint_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/printable.h"
#include "interop/reference_names.h"
#include "interop/zip_archive.h"
#include "model_file/model_ids.h"

namespace compass {
namespace {

constexpr uint64_t kMaxPickleBytes = uint64_t{32} << 20;
constexpr int kMaxNesting = 16;
constexpr size_t kMaxDimensions = 8;
constexpr size_t kMaxKey = 512;  // characters of one key

Error bad(std::string message) {
  return {ErrorCode::kBadFile, std::move(message)};
}

// Checks a tensor against its storage of `available` elements. Requiring that it has no more elements than
// the storage keeps expanded views (stride 0) from claiming gigabytes that are not in the file.
std::optional<std::string_view> problem_of(const CheckpointTensor& tensor, uint64_t available) {
  if (tensor.shape.size() != tensor.strides.size() || tensor.shape.size() > kMaxDimensions) {
    return "absurd shape";
  }
  uint64_t count = 1;
  for (const int64_t side : tensor.shape) {
    if (side < 0 || side > std::numeric_limits<int32_t>::max()) {
      return "absurd shape";
    }
    if (side != 0 && count > static_cast<uint64_t>(std::numeric_limits<int64_t>::max() / side)) {
      return "absurd shape";
    }
    count *= static_cast<uint64_t>(side);
  }
  if (count == 0) {
    return std::nullopt;
  }
  if (count > available) {
    return "larger than its storage";
  }
  if (tensor.offset < 0 || static_cast<uint64_t>(tensor.offset) >= available) {
    return "outside of its storage";
  }
  uint64_t last = static_cast<uint64_t>(tensor.offset);
  for (size_t d = 0; d < tensor.shape.size(); ++d) {
    const auto steps = static_cast<uint64_t>(tensor.shape[d] - 1);
    if (steps == 0) {
      continue;
    }
    if (tensor.strides[d] < 0 || static_cast<uint64_t>(tensor.strides[d]) > (available - 1 - last) / steps) {
      return "outside of its storage";
    }
    last += steps * static_cast<uint64_t>(tensor.strides[d]);
  }
  return std::nullopt;
}

Error in(std::string_view where, const Error& error) {
  return {error.code, fmt::format("{}: {}", where, error.message)};
}

// The archive's single top folder, which PyTorch names after the file.
Result<std::string> find_folder(const ZipArchive& archive) {
  constexpr std::string_view kName = "/data.pkl";
  std::optional<std::string> folder;
  for (const auto& [name, entry] : archive.entries()) {
    if (name.ends_with(kName) && name.find('/') == name.size() - kName.size()) {
      if (folder) {
        return bad("two data.pkl in the archive");
      }
      folder = name.substr(0, name.size() - kName.size() + 1);
    }
  }
  if (!folder) {
    return bad("no data.pkl in the archive: not a PyTorch checkpoint");
  }
  return *folder;
}

bool is_little_endian(const Pickle& system) {
  const auto& items = system.root().items;
  for (size_t i = 0; system.root().kind == PickleKind::kDict && i + 1 < items.size(); i += 2) {
    if (system[items[i]].text == "little_endian") {
      return system[items[i + 1]].integer == 1;
    }
  }
  return false;
}

}  // namespace

Status CheckpointReader::read(std::span<const uint8_t> bytes) {
  constexpr std::string_view kTarName = "ustar";
  constexpr size_t kTarNameAt = 257;
  if (ZipArchive::looks_like(bytes)) {
    return read_zip(bytes);
  }
  if (bytes.size() > 8 && bytes[8] == '{') {
    return read_safetensors(bytes);
  }
  if (bytes.size() > kTarNameAt + kTarName.size() &&
      std::memcmp(bytes.data() + kTarNameAt, kTarName.data(), kTarName.size()) == 0) {
    return bad("a tar archive, as PyTorch 0.1 wrote them; save it again with a newer version");
  }
  return read_legacy(bytes);
}

Status CheckpointReader::read_zip(std::span<const uint8_t> bytes) {
  const auto archive = ZipArchive::open(bytes);
  if (!archive) {
    return archive.error();
  }
  const auto folder = find_folder(*archive);
  if (!folder) {
    return folder.error();
  }
  if (const ZipEntry* order = archive->find(*folder + "byteorder")) {
    std::vector<uint8_t> buffer;
    const auto text = read_entry(*order, 16, buffer);
    if (!text || std::string_view(reinterpret_cast<const char*>(text->data()), text->size()) != "little") {
      return bad("written on a big-endian machine; save it again on a little-endian one");
    }
  }
  std::vector<uint8_t> pickle_buffer;
  const auto pickle_bytes = read_entry(*archive->find(*folder + "data.pkl"), kMaxPickleBytes, pickle_buffer);
  if (!pickle_bytes) {
    return in("data.pkl", pickle_bytes.error());
  }
  const auto pickle = Pickle::parse(*pickle_bytes);
  if (!pickle) {
    return in("data.pkl", pickle.error());
  }
  if (const Status listed = list_storages(*pickle); !listed) {
    return listed;
  }
  for (const auto& [key, index] : storage_of_key_) {
    Checkpoint::Storage& storage = out_.storages_[index];
    const ZipEntry* entry = archive->find(fmt::format("{}data/{}", *folder, key));
    const uint64_t size = storage.elements * static_cast<uint64_t>(dtype_size(storage.dtype));
    if (entry == nullptr) {
      return bad(fmt::format("storage {} is not in the archive", printable(key)));
    }
    if (entry->size != size) {
      return bad(
          fmt::format("storage {} should have {} bytes, but has {}", printable(key), size, entry->size));
    }
    storage.entry = *entry;
  }
  return read_tree(*pickle);
}

Status CheckpointReader::read_legacy(std::span<const uint8_t> bytes) {
  size_t at = 0;
  const auto next = [&]() -> Result<Pickle> {
    const auto rest = bytes.subspan(at);
    auto pickle = Pickle::parse(rest.first(std::min<uint64_t>(rest.size(), kMaxPickleBytes)));
    if (pickle) {
      at += pickle->bytes_read();
    }
    return pickle;
  };
  constexpr std::string_view kMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
  const auto magic = next();
  if (!magic || magic->root().kind != PickleKind::kLong || magic->root().text != kMagic) {
    return bad("not a PyTorch checkpoint: neither a zip archive, nor a legacy pickle, nor safetensors");
  }
  constexpr int64_t kProtocol = 1001;
  const auto protocol = next();
  if (!protocol || protocol->root().kind != PickleKind::kInt || protocol->root().integer != kProtocol) {
    return bad("legacy checkpoint of an unknown version");
  }
  const auto system = next();
  if (!system) {
    return system.error();
  }
  if (!is_little_endian(*system)) {
    return bad("written on a big-endian machine; save it again on a little-endian one");
  }
  const auto tree = next();
  if (!tree) {
    return tree.error();
  }
  const auto keys = next();
  if (!keys) {
    return keys.error();
  }
  if (const Status listed = list_storages(*tree); !listed) {
    return listed;
  }
  std::set<std::string_view> present;
  for (const PickleId id : keys->root().items) {
    const std::string_view key = (*keys)[id].text;
    const auto found = storage_of_key_.find(key);
    if (found == storage_of_key_.end() || !present.insert(key).second) {
      return bad(fmt::format("storage {} belongs to no tensor", printable(key)));
    }
    Checkpoint::Storage& storage = out_.storages_[found->second];
    const uint64_t size = storage.elements * static_cast<uint64_t>(dtype_size(storage.dtype));
    uint64_t claimed = 0;
    if (bytes.size() - at < sizeof(claimed)) {
      return bad(fmt::format("storage {} is missing (truncated file?)", printable(key)));
    }
    std::memcpy(&claimed, bytes.data() + at, sizeof(claimed));
    at += sizeof(claimed);
    if (claimed != storage.elements || bytes.size() - at < size) {
      return bad(fmt::format("storage {} should hold {} elements (truncated file?)", printable(key),
                             storage.elements));
    }
    storage.bytes = bytes.subspan(at, size);
    storage.unchecked = false;
    at += size;
  }
  if (present.size() != storage_of_key_.size()) {
    return bad("some storages are missing");
  }
  return read_tree(*tree);
}

Status CheckpointReader::read_safetensors(std::span<const uint8_t> bytes) {
  const auto file = Safetensors::parse({bytes.begin(), bytes.end()});
  if (!file) {
    return bad(file.error().message);
  }
  if (file->metadata().contains(kDescriptionKey)) {
    return bad("this is a COMPASS model file already");
  }
  const auto copy = std::make_shared<const Safetensors>(*file);
  out_.owner_ = copy;
  for (const auto& [name, view] : copy->tensors()) {
    CheckpointTensor tensor{view.dtype, view.shape, {}, 0, out_.storages_.size()};
    tensor.strides.resize(view.shape.size());
    // Where a side is 0 there is nothing to stride over, and the product of the others may be beyond any
    // integer.
    const bool empty = view.data.empty();
    int64_t stride = 1;
    for (size_t d = view.shape.size(); d-- > 0 && !empty;) {
      tensor.strides[d] = stride;
      stride *= view.shape[d];
    }
    add_storage(view.dtype, static_cast<uint64_t>(view.elements()));
    out_.storages_.back().bytes = view.data;
    out_.storages_.back().unchecked = false;
    const auto [dictionary, key] = split_exported_name(name);
    out_.dictionaries_[std::string(dictionary)].emplace(key, std::move(tensor));
  }
  return {};
}

Status CheckpointReader::list_storages(const Pickle& pickle) {
  for (const PickleObject& object : pickle.objects()) {
    if (object.kind != PickleKind::kStorage) {
      continue;
    }
    if (object.integer < 0 || object.integer > (int64_t{1} << 40)) {
      return bad(fmt::format("storage {} claims {} elements", printable(object.text), object.integer));
    }
    const auto elements = static_cast<uint64_t>(object.integer);
    const auto [at, added] = storage_of_key_.emplace(object.text, out_.storages_.size());
    if (added) {
      add_storage(object.dtype, elements);
      continue;
    }
    const Checkpoint::Storage& known = out_.storages_[at->second];
    if (known.dtype != object.dtype || known.elements != elements) {
      return bad(fmt::format("storage {} has two types or sizes", printable(object.text)));
    }
  }
  return {};
}

void CheckpointReader::add_storage(DType dtype, uint64_t elements) {
  Checkpoint::Storage& storage = out_.storages_.emplace_back();
  storage.dtype = dtype;
  storage.elements = elements;
}

Status CheckpointReader::read_tree(const Pickle& pickle) {
  if (pickle.root().kind != PickleKind::kDict) {
    return bad("the checkpoint is not a dictionary (a whole pickled model? save its state_dict() instead)");
  }
  return read_dictionary(pickle, pickle.root(), "", 0);
}

Status CheckpointReader::read_dictionary(const Pickle& pickle, const PickleObject& dictionary,
                                         const std::string& path, int depth) {
  if (depth > kMaxNesting) {
    return bad(fmt::format("dictionaries are nested deeper than {}", kMaxNesting));
  }
  if (!visited_.insert(&dictionary).second) {
    return {};  // the same dictionary under another name, or inside itself
  }
  for (size_t i = 0; i + 1 < dictionary.items.size(); i += 2) {
    const PickleObject& key = pickle[dictionary.items[i]];
    const PickleObject& value = pickle[dictionary.items[i + 1]];
    if (key.kind != PickleKind::kText) {
      continue;  // optimizers number their parameters
    }
    if (key.text.size() > kMaxKey) {
      return bad(fmt::format("a key has {} characters: {}", key.text.size(), printable(key.text)));
    }
    if (value.kind == PickleKind::kDict) {
      const std::string below = path.empty() ? std::string(key.text) : fmt::format("{}/{}", path, key.text);
      if (const Status done = read_dictionary(pickle, value, below, depth + 1); !done) {
        return done;
      }
    } else if (value.kind == PickleKind::kTensor) {
      auto tensor = tensor_of(pickle, value);
      if (!tensor) {
        return bad(fmt::format("tensor {}: {}", printable(key.text), tensor.error().message));
      }
      out_.dictionaries_[path].insert_or_assign(std::string(key.text), std::move(*tensor));
    }
  }
  return {};
}

Result<CheckpointTensor> CheckpointReader::tensor_of(const Pickle& pickle, const PickleObject& object) const {
  const PickleObject& storage = pickle[object.items[0]];
  CheckpointTensor tensor;
  tensor.dtype = storage.dtype;
  tensor.storage = storage_of_key_.find(storage.text)->second;
  tensor.offset = pickle[object.items[1]].integer;
  for (const PickleId id : pickle[object.items[2]].items) {
    tensor.shape.push_back(pickle[id].integer);
  }
  for (const PickleId id : pickle[object.items[3]].items) {
    tensor.strides.push_back(pickle[id].integer);
  }
  if (const auto problem = problem_of(tensor, out_.storages_[tensor.storage].elements)) {
    return bad(std::string(*problem));
  }
  return tensor;
}

}  // namespace compass
