// For tests only: tensors of random numbers, and parts of tensors.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

#include "core/size.h"
#include "core/tensor.h"

namespace compass {

template <typename Distribution>
Tensor random_tensor(int channels, Size size, uint32_t seed, Distribution distribution) {
  std::mt19937 generator(seed);
  Tensor out(channels, size.height, size.width);
  for (float& v : out.data) v = distribution(generator);
  return out;
}

// [channels,H,W], normally distributed.
inline Tensor random_map(int channels, Size size, uint32_t seed) {
  return random_tensor(channels, size, seed, std::normal_distribution<float>());
}

// [3,H,W], uniform in [0,1).
inline Tensor random_picture(Size size, uint32_t seed) {
  return random_tensor(3, size, seed, std::uniform_real_distribution<float>(0.0F, 1.0F));
}

// The part of `x` inside a rectangle of it.
inline Tensor crop(const Tensor& x, Rect part) {
  Tensor out(x.channels, part.height, part.width);
  for (int y = 0; y < part.height; ++y) {
    std::copy_n(x.pixel(part.y + y, part.x), static_cast<size_t>(part.width) * x.channels, out.pixel(y, 0));
  }
  return out;
}

}  // namespace compass
