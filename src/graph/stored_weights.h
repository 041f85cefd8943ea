// Weights in the format of the model file they come from, a half or a quarter of their size in f32. They are
// needed in f32 only while a kernel's own order is made of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

namespace compass::nn {

class StoredWeights {
 public:
  StoredWeights() = default;
  StoredWeights(std::vector<float> values)
      : values_(std::move(values)) {}  // NOLINT(google-explicit-constructor)
  // IEEE halves.
  explicit StoredWeights(std::vector<uint16_t> halves) : values_(std::move(halves)) {}
  // Rows of equally many integers, each row times its own scale.
  StoredWeights(std::vector<int8_t> integers, std::vector<float> scales)
      : values_(Scaled{std::move(integers), std::move(scales)}) {}

  size_t size() const;
  bool empty() const { return size() == 0; }
  std::vector<float> floats() const;

 private:
  struct Scaled {
    std::vector<int8_t> integers;
    std::vector<float> scales;
  };
  std::variant<std::vector<float>, std::vector<uint16_t>, Scaled> values_;
};

}  // namespace compass::nn
