#include "fit/filter_learner.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "codec/testing/filter.h"

namespace compass::fit {
namespace {

Image smooth_noise(Size size, uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> distribution(0.0F, 0.1F);
  Image image(size);
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < size.height; ++y) {
      for (int x = 0; x < size.width; ++x) {
        image.row(c, y)[x] = 0.5F + distribution(generator) * (x % 64 < 32 ? 0.1F : 1.0F);
      }
    }
  }
  return image;
}

// The filter itself applied to an image.
Image corrected(const Image& image, const FilterWeights& filter, const std::vector<int32_t>& coefficients) {
  Image result = corrections(image, filter, coefficients);
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < image.height(); ++y) {
      for (int x = 0; x < image.width(); ++x) result.row(c, y)[x] += image.row(c, y)[x];
    }
  }
  return result;
}

// Pictures that were made by a filter of three kinds: what made them is found again.
TEST(FilterLearner, FindsWhatWasDone) {
  std::mt19937 generator(1);
  std::normal_distribution<float> distribution(0.0F, 0.01F);
  FilterWeights truth;
  truth.directions = 2;
  truth.values.resize(size_t{3} * kFilterWeights);
  for (float& v : truth.values) v = distribution(generator);
  const auto learner = make_filter_learner(), unseen = make_filter_learner();
  ASSERT_TRUE(learner) << learner.error().message;
  ASSERT_TRUE(unseen) << unseen.error().message;
  for (int n = 0; n < 16; ++n) {
    const Image made = smooth_noise({130, 70}, n);
    const std::vector<int32_t> coefficients{n % 3 - 1, n % 5 - 2};
    (n < 12 ? *learner : *unseen)->add(made, corrected(made, truth, coefficients));
  }
  EXPECT_EQ((*learner)->pictures(), 12);
  const FilterWeights none = (*learner)->learn(0);
  const FilterWeights two = (*learner)->learn(2);
  ASSERT_EQ(two.values.size(), truth.values.size());
  EXPECT_GT((*unseen)->gain(none).fixed, 0.5);
  EXPECT_NEAR((*unseen)->gain(none).adapted, (*unseen)->gain(none).fixed, 1e-9);
  EXPECT_GT((*unseen)->gain(two).adapted, (*unseen)->gain(none).fixed + 3.0);
}

}  // namespace
}  // namespace compass::fit
