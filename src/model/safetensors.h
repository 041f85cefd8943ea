// safetensors files: named little-endian tensors behind a JSON header. Input is treated as hostile.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace compass {

enum class DType { kF32, kF16, kBF16, kF64, kI8, kU8, kI16, kU16, kI32, kI64 };

// Bytes per element.
int dtype_size(DType dtype);

// The format's name for it: "F32", "BF16", "I8", ...
std::string_view dtype_name(DType dtype);

// One tensor: C order, little-endian. `data` views memory that the file object owns.
struct TensorView {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::span<const uint8_t> data;

  int64_t elements() const;
  // Values converted to float (F32, F16, BF16, F64) or int32 (integer types). Errors: wrong kind of dtype,
  // non-finite floats, integers out of range; the message names no tensor (the caller knows it).
  Result<std::vector<float>> floats() const;
  Result<std::vector<int32_t>> integers() const;
};

// A whole file, parsed and checked: tensors tile the data (no overlap, no hole), sizes equal to shape x
// dtype, known dtypes, unique names, at most 8 dimensions, header at most 16 MiB. Errors: kModel, naming the
// tensor.
class Safetensors {
 public:
  static Result<Safetensors> parse(std::vector<uint8_t> bytes);
  static Result<Safetensors> load(const std::string& path);  // maps the file rather than reading it

  const std::map<std::string, TensorView, std::less<>>& tensors() const { return tensors_; }
  const std::map<std::string, std::string, std::less<>>& metadata() const { return metadata_; }
  const TensorView* find(std::string_view name) const;  // null if absent

  // The values of a tensor of floats, or of one in steps: integers (I8) that its companion "<name>.step" (F32,
  // one for each index of the first dimension, > 0) gives a size. Errors: as TensorView::floats; absent; no
  // steps or unfit ones.
  Result<std::vector<float>> floats(std::string_view name) const;
  // Whether the tensor is such a companion: named so, beside an I8 tensor.
  bool holds_steps(std::string_view name) const;

 private:
  std::shared_ptr<const void> storage_;  // the mapping or the bytes
  std::map<std::string, TensorView, std::less<>> tensors_;
  std::map<std::string, std::string, std::less<>> metadata_;
};

// Builds a file in memory. Tensors are laid out by element size, then name, so equal content gives equal
// bytes. `values` must hold as many elements as `shape` says. A name added again replaces the first.
class SafetensorsWriter {
 public:
  void add_floats(std::string name, std::vector<int64_t> shape, std::span<const float> values,
                  DType dtype = DType::kF32);  // kF32, kF16 or kBF16; rounds to nearest even
  // In steps (see Safetensors::floats): -127..127 times the step that the largest value of its row needs. An
  // error of half a step at most; half the size of kF16.
  void add_stepped(const std::string& name, const std::vector<int64_t>& shape, std::span<const float> values);
  // Integer dtypes; every value must fit.
  void add_integers(std::string name, std::vector<int64_t> shape, std::span<const int32_t> values,
                    DType dtype = DType::kI32);
  void set_metadata(std::string key, std::string value);
  std::vector<uint8_t> finish() const;

 private:
  struct Entry {
    DType dtype;
    std::vector<int64_t> shape;
    std::vector<uint8_t> data;
  };
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace compass
