// A filter for tests, and what filters do to images.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "codec/loop_filter.h"
#include "image/image.h"
#include "model_file/weights.h"

namespace compass {

inline FilterWeights random_filter(int directions) {
  std::mt19937 generator(3);
  std::normal_distribution<float> distribution(0.0F, 0.02F);
  FilterWeights filter;
  filter.directions = directions;
  filter.values.resize(static_cast<size_t>(1 + directions) * kFilterWeights);
  for (float& v : filter.values) v = distribution(generator);
  return filter;
}

// What a filter with these coefficients adds to an image.
inline Image corrections(const Image& image, const FilterWeights& filter,
                         std::span<const int32_t> coefficients) {
  Image result(image.size());
  FilterBand band;
  const LayerFilter layer(filter, coefficients, image.size(), whole(image.size()));
  std::vector<float> row(image.width() + nn::kFilterPadding);
  band.load(whole(image.size()), image.size(), rows_of(image));
  for (int y = 0; y < image.height(); ++y) {
    band.select_row(y);
    for (int c = 0; c < 3; ++c) {
      layer.correct(band, c, nn::Arithmetic::kFast, row.data());
      std::copy_n(row.data(), image.width(), result.row(c, y));
    }
  }
  return result;
}

}  // namespace compass
