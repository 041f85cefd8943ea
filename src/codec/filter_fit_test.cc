// An encoder's choice of the loop filter's coefficients.
#include "codec/filter_fit.h"

#include <gtest/gtest.h>

#include <vector>

#include "codec/testing/filter.h"
#include "codec/testing/pictures.h"
#include "entropy/layer_coder.h"

namespace compass {
namespace {

constexpr int kDirections = 4;

// What is found for a layer whose error the filter can take away, but for `noise`, by coefficients `truth`.
std::vector<int32_t> found(Size size, const std::vector<int32_t>& truth, double bits_per_error,
                           float noise = 0.0F) {
  const FilterWeights filter = random_filter(kDirections);
  const Image image = test_picture(size);
  Image wanted = corrections(image, filter, truth);
  FilterFit fit(filter, bits_per_error, size, FilterFit::Care::kThorough);
  FilterBand band;
  std::mt19937 generator(5);
  std::normal_distribution<float> distribution(0.0F, noise);
  std::vector<FilterFit::Sums> sums;
  for (int y = 0; y < size.height; ++y) {
    if (!fit.samples_row(y)) continue;
    band.load({0, y, size.width, 1}, size, rows_of(image));
    band.select_row(y);
    std::array<const float*, 3> rows{};
    for (int c = 0; c < 3; ++c) {
      for (int x = 0; x < size.width; ++x) wanted.row(c, y)[x] += distribution(generator);
      rows[c] = wanted.row(c, y);
    }
    fit.sum(band, rows, sums);
  }
  fit.add(sums);
  return fit.coefficients();
}

// Known coefficients are found where errors count, and none are spent where they do not.
TEST(FilterFit, FindsCoefficients) {
  const std::vector<int32_t> truth{2, 0, -1, 5};
  EXPECT_EQ(found({97, 60}, truth, 1e6), truth);
  EXPECT_EQ(found({97, 60}, truth, 1e-6), std::vector<int32_t>(kDirections, 0));
  EXPECT_EQ(found({1, 1}, truth, 0.0), std::vector<int32_t>(kDirections, 0));
}

TEST(FilterFit, FindsCoefficientsOfEachRegion) {
  const std::vector<int32_t> truth{2, 0, -1, 5, 2, 0, -1, 5, 0, 0, 0, 0, 1, -3, 0, 0};
  EXPECT_EQ(found({300, 290}, truth, 1e6), truth);
}

// Where regions want the same, but for noise, they get the same, at a bit each.
TEST(FilterFit, RegionsShareCoefficients) {
  const std::vector<int32_t> one{2, 0, -1, 5};
  std::vector<int32_t> truth;
  for (int r = 0; r < 4; ++r) truth.insert(truth.end(), one.begin(), one.end());
  EXPECT_EQ(found({400, 390}, truth, 1e3, 0.02F), truth);
}

}  // namespace
}  // namespace compass
