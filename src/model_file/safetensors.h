// safetensors files: named little-endian tensors behind a JSON header. Input is treated as hostile.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "graph/stored_weights.h"
#include "model_file/tensor_view.h"

namespace compass {

// A whole file, parsed and checked: tensors tile the data (no overlap, no hole), sizes equal to shape x
// dtype, known dtypes, unique names, at most 8 dimensions, header at most 16 MiB. Errors: kModel, naming the
// tensor.
class Safetensors {
 public:
  static Result<Safetensors> parse(std::vector<uint8_t> bytes);
  static Result<Safetensors> load(const std::string& path);  // maps the file rather than reading it

  const std::map<std::string, TensorView, std::less<>>& tensors() const { return tensors_; }
  const std::map<std::string, std::string, std::less<>>& metadata() const { return metadata_; }
  std::string_view metadata(std::string_view key) const;  // empty if absent
  const TensorView* find(std::string_view name) const;    // null if absent

  // The values of a tensor of floats, or of scaled integers: I8, which its companion "<name>.step"
  // (F32, one for each index of the first dimension, > 0) gives a size. Errors: as TensorView::floats;
  // absent; no scales or unfit ones.
  Result<std::vector<float>> floats(std::string_view name) const;
  // The same, kept in the file's format where that is F16 or scaled integers.
  Result<nn::StoredWeights> weights(std::string_view name) const;
  // Whether the tensor is such a companion: named so, beside an I8 tensor.
  bool holds_scales(std::string_view name) const;

 private:
  std::shared_ptr<const void> storage_;  // the mapping or the bytes
  std::map<std::string, TensorView, std::less<>> tensors_;
  std::map<std::string, std::string, std::less<>> metadata_;
};

}  // namespace compass
