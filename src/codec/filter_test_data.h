// A filter for tests.
#pragma once

#include <random>

#include "model/weights.h"

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

}  // namespace compass
