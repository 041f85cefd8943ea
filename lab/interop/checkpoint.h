// PyTorch checkpoints (and plain safetensors files) as named tensors, read without PyTorch.
//
// Three containers: the zip archive of PyTorch 1.6 and later, the run of pickles before that, and
// safetensors. A checkpoint is a tree of dictionaries; what it holds beside tensors (epoch, loss, optimizer
// options) is skipped.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "interop/zip_archive.h"
#include "model_file/safetensors.h"

namespace compass {

// A view of a storage. Checked when the checkpoint is read: it lies inside, and no element is there twice.
struct CheckpointTensor {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  // in elements, one per dimension
  int64_t offset = 0;            // in elements
  size_t storage = 0;

  int64_t elements() const;
};

// The tensors of one dictionary by key, in the keys' order.
using StateDict = std::map<std::string, CheckpointTensor, std::less<>>;

class Checkpoint {
 public:
  // Errors: kBadFile, naming the problem and where it is; load() also kIo.
  static Result<Checkpoint> parse(std::vector<uint8_t> bytes);
  static Result<Checkpoint> load(const std::string& path);  // maps the file rather than reading it

  // Every dictionary that holds tensors, by its path from the top: "" is the top itself, "base_state_dict" a
  // dictionary in it, "a/b" one in that. A safetensors file gives one dictionary per known prefix of its
  // names ("base_state_dict.g_a.0.weight"; see export_model.h) and "" for the rest.
  const std::map<std::string, StateDict, std::less<>>& dictionaries() const { return dictionaries_; }

  // The tensor's values in C order. Errors: kBadFile: damaged storage, wrong kind of dtype, non-finite
  // floats; or much more was read than the file holds, which only a file made to waste memory does.
  Result<std::vector<float>> floats(const CheckpointTensor& tensor);
  Result<std::vector<int32_t>> integers(const CheckpointTensor& tensor);

 private:
  friend class CheckpointReader;

  struct Storage {
    DType dtype = DType::kF32;
    uint64_t elements = 0;
    ZipEntry entry;         // where the bytes come from; in other containers nothing but a payload
    bool unchecked = true;  // the entry was not read yet
    std::shared_ptr<const std::vector<uint8_t>> inflated;
    std::span<const uint8_t> bytes;  // once read
  };

  static Result<Checkpoint> read(std::shared_ptr<const void> owner, std::span<const uint8_t> bytes);
  Status open_storage(Storage& storage);
  // The tensor's elements in C order, in the storage itself or gathered into `buffer`.
  Result<TensorView> contiguous(const CheckpointTensor& tensor, std::vector<uint8_t>& buffer);

  std::shared_ptr<const void> owner_;  // keeps the file's bytes alive
  std::vector<Storage> storages_;
  std::map<std::string, StateDict, std::less<>> dictionaries_;
  uint64_t readable_bytes_ = 0;    // how much may still be read out of storages
  uint64_t inflatable_bytes_ = 0;  // how much may still be inflated
};

}  // namespace compass
