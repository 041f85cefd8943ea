#include "synthetic_picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace compass::tools {
namespace {

// A hash of a lattice point: 32 well mixed bits (the finaliser of MurmurHash3, A. Appleby).
uint32_t mixed(uint32_t x, uint32_t y, uint32_t salt) {
  uint32_t h = x * 0x9E3779B1U ^ y * 0x85EBCA77U ^ salt * 0xC2B2AE3DU;
  h = (h ^ (h >> 16)) * 0x85EBCA6BU;
  h = (h ^ (h >> 13)) * 0xC2B2AE35U;
  return h ^ (h >> 16);
}

float unit(uint32_t bits) {
  return static_cast<float>(bits >> 8) * (2.0F / (1 << 24)) - 1.0F;
}

// One row of value noise: random values on a lattice of `cell` pixels, smoothly interpolated, times `weight`.
void add_octave(int y, int cell, uint32_t salt, float weight, std::vector<float>& row) {
  const auto smooth = [](float t) { return t * t * (3.0F - 2.0F * t); };
  const uint32_t cell_y = y / cell;
  const float ty = smooth(static_cast<float>(y % cell) / static_cast<float>(cell));
  const auto at = [&](uint32_t cell_x) {
    return unit(mixed(cell_x, cell_y, salt)) * (1.0F - ty) + unit(mixed(cell_x, cell_y + 1, salt)) * ty;
  };
  const int width = static_cast<int>(row.size());
  for (int first = 0; first < width; first += cell) {
    const float left = at(first / cell);
    const float right = at(first / cell + 1);
    for (int x = first; x < std::min(width, first + cell); ++x) {
      const float tx = smooth(static_cast<float>(x - first) / static_cast<float>(cell));
      row[x] += weight * (left + (right - left) * tx);
    }
  }
}

}  // namespace

Rgb8Image synthetic_picture(Size size) {
  constexpr int kCoarsest = 256;
  constexpr float kContrast = 0.16F;
  Rgb8Image picture(size);
  std::vector<float> light(size.width), warmth(size.width), form(size.width);
  for (int y = 0; y < size.height; ++y) {
    std::fill(light.begin(), light.end(), 0.0F);
    std::fill(warmth.begin(), warmth.end(), 0.0F);
    std::fill(form.begin(), form.end(), 0.0F);
    uint32_t salt = 1;
    float weight = kContrast;
    for (int cell = kCoarsest; cell >= 2; cell /= 2, weight *= 0.78F)
      add_octave(y, cell, salt++, weight, light);
    for (int cell = kCoarsest; cell >= 32; cell /= 2) add_octave(y, cell, salt++, 0.06F, warmth);
    for (int cell = kCoarsest; cell >= 64; cell /= 2) add_octave(y, cell, salt++, 1.0F, form);
    uint8_t* out = picture.row(y);
    for (int x = 0; x < size.width; ++x, out += 3) {
      const float edge = form[x] > 0.4F ? 0.15F : form[x] < -0.5F ? -0.12F : 0.0F;  // outlines of things
      const float noise = 0.02F * unit(mixed(x, y, 99));
      const float value = 0.46F + light[x] + edge + noise;
      const std::array<float, 3> colour{value + warmth[x], value, value - warmth[x]};
      for (int c = 0; c < 3; ++c) out[c] = byte_of_sample(colour[c]);
    }
  }
  return picture;
}

}  // namespace compass::tools
