// Writing safetensors files.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "model_file/tensor_view.h"

namespace compass {

// Builds a file in memory. Tensors are laid out by element size, then name, so equal content gives equal
// bytes. `values` must hold as many elements as `shape` says. A name added again replaces the first.
class SafetensorsWriter {
 public:
  void add_floats(std::string name, std::vector<int64_t> shape, std::span<const float> values,
                  DType dtype = DType::kF32);  // kF32, kF16 or kBF16; rounds to nearest even
  // As it lies in another file.
  void add(const std::string& name, const TensorView& tensor);
  // As scaled integers (see Safetensors::floats): -127..127 times the scale that the largest value of its row
  // needs. The error is half a scale at most, the size half that of kF16.
  void add_scaled(const std::string& name, const std::vector<int64_t>& shape, std::span<const float> values);
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
