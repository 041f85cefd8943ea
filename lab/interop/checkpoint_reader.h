// The containers of a checkpoint: how its bytes become storages and a tree of dictionaries.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"
#include "interop/checkpoint.h"
#include "interop/pickle.h"

namespace compass {

// Fills one Checkpoint. Keys and paths are checked here; storages of a zip archive are opened later, when a
// tensor is read. `bytes` must live as long as the checkpoint. Errors: kBadFile.
class CheckpointReader {
 public:
  explicit CheckpointReader(Checkpoint& out) : out_(out) {}

  // Tells the container by its first bytes.
  Status read(std::span<const uint8_t> bytes);

 private:
  // PyTorch 1.6 and later: an archive of FOLDER/data.pkl and one entry FOLDER/data/KEY per storage.
  Status read_zip(std::span<const uint8_t> bytes);

  // Before PyTorch 1.6: magic number, protocol, system, the object, the storages' keys: five pickles. Then
  // each storage in the keys' order: its number of elements in 8 bytes, and the elements.
  Status read_legacy(std::span<const uint8_t> bytes);

  Status read_safetensors(std::span<const uint8_t> bytes);

  // Gives every storage that the pickle mentions a number.
  Status list_storages(const Pickle& pickle);
  void add_storage(DType dtype, uint64_t elements);

  Status read_tree(const Pickle& pickle);

  // Collects the tensors under text keys, and those of dictionaries below. A later equal key replaces an
  // earlier.
  Status read_dictionary(const Pickle& pickle, const PickleObject& dictionary, const std::string& path,
                         int depth);

  Result<CheckpointTensor> tensor_of(const Pickle& pickle, const PickleObject& object) const;

  Checkpoint& out_;
  std::map<std::string_view, size_t> storage_of_key_;
  std::set<const PickleObject*> visited_;
};

}  // namespace compass
