// What turning a picture over does to a filter's weights, against the filter itself.
#include "fit/filter_terms.h"

#include <gtest/gtest.h>

#include <random>

#include "codec/testing/filter.h"

namespace compass::fit {
namespace {

Image noise(Size size) {
  std::mt19937 generator(2);
  std::uniform_real_distribution<float> distribution(0.0F, 1.0F);
  Image image(size);
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < size.height; ++y) {
      for (int x = 0; x < size.width; ++x) image.row(c, y)[x] = distribution(generator);
    }
  }
  return image;
}

Image turned(const Image& image, bool across, bool down, bool transposed) {
  const Size size = image.size();
  Image result(transposed ? Size{size.height, size.width} : size);
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < size.height; ++y) {
      for (int x = 0; x < size.width; ++x) {
        const int to_x = across ? size.width - 1 - x : x;
        const int to_y = down ? size.height - 1 - y : y;
        (transposed ? result.row(c, to_x)[to_y] : result.row(c, to_y)[to_x]) = image.row(c, y)[x];
      }
    }
  }
  return result;
}

// A turned filter does to a turned picture what the filter did to the picture.
TEST(Symmetry, TurnsFiltersAsPicturesAreTurned) {
  const FilterWeights filter = random_filter(0);
  Eigen::MatrixXd weights(kTerms, 3);
  for (int c = 0; c < 3; ++c) {
    for (Eigen::Index t = 0; t < kTerms; ++t) weights(t, c) = filter.set(0)[c * kTerms + t];
  }
  const Image image = noise({23, 17});
  for (int i = 0; i < 8; ++i) {
    const bool across = (i & 1) != 0, down = (i & 2) != 0, transposed = (i & 4) != 0;
    const Symmetry symmetry(across, down, transposed);
    const Eigen::MatrixXd moved = symmetry.turned(weights);
    EXPECT_EQ(symmetry.turned_back(moved), weights);
    FilterWeights turned_filter = filter;
    for (int c = 0; c < 3; ++c) {
      for (Eigen::Index t = 0; t < kTerms; ++t) {
        turned_filter.values[c * kTerms + t] = static_cast<float>(moved(t, c));
      }
    }
    const Image expected = turned(corrections(image, filter, {}), across, down, transposed);
    const Image made = corrections(turned(image, across, down, transposed), turned_filter, {});
    for (int c = 0; c < 3; ++c) {
      for (int y = 0; y < made.height(); ++y) {
        for (int x = 0; x < made.width(); ++x) {
          ASSERT_NEAR(made.row(c, y)[x], expected.row(c, y)[x], 1e-5) << i;
        }
      }
    }
  }
}

}  // namespace
}  // namespace compass::fit
