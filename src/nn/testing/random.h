// What tests feed to kernels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace compass::nn {

// Calls give `count` numbers from -1 to 1, others each time.
class RandomFloats {
 public:
  explicit RandomFloats(uint32_t seed) : generator_(seed) {}

  std::vector<float> operator()(size_t count) {
    std::uniform_real_distribution<float> distribution(-1.0F, 1.0F);
    std::vector<float> values(count);
    for (float& v : values) v = distribution(generator_);
    return values;
  }

 private:
  std::mt19937 generator_;
};

}  // namespace compass::nn
