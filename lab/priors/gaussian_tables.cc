#include "priors/gaussian_tables.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace compass {
namespace {

// Minus the standard normal quantile of 5e-10: half of the tail mass 1e-9 on each side.
constexpr double kTailQuantile = 6.1094102048693975;

// The standard normal distribution function, float32 but for erfc.
float cumulative(float x) {
  const float t = static_cast<float>(-0.70710678118654752440) * x;
  return 0.5F * static_cast<float>(std::erfc(static_cast<double>(t)));
}

}  // namespace

PmfRow gaussian_row(int index) {
  const float scale = kScaleTable[index];
  const int reach = static_cast<int>(std::ceil(scale * static_cast<float>(kTailQuantile)));
  PmfRow row{-reach, {}};
  for (int symbol = -reach; symbol <= reach; ++symbol) {
    const auto distance = static_cast<float>(std::abs(symbol));
    row.pmf.push_back(cumulative((0.5F - distance) / scale) - cumulative((-0.5F - distance) / scale));
  }
  // The escape's share: the mass beyond the range, on both sides.
  row.pmf.push_back(2.0F * cumulative((-0.5F - static_cast<float>(reach)) / scale));
  return row;
}

CdfTables gaussian_tables() {
  std::vector<PmfRow> rows;
  for (int i = 0; i < kScales; ++i) rows.push_back(gaussian_row(i));
  return *quantised_tables(rows);
}

double gaussian_likelihood(int32_t symbol, int index) {
  const double scale = kScaleTable[index] * std::sqrt(2.0);
  const double distance = std::abs(static_cast<double>(symbol));
  // Both arguments on the same side of 0, where the difference keeps its digits.
  return 0.5 * (std::erfc((distance - 0.5) / scale) - std::erfc((distance + 0.5) / scale));
}

}  // namespace compass
