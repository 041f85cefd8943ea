#include "image/psnr.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace compass {
namespace {

TEST(Psnr, FollowsItsDefinition) {
  const std::vector<uint8_t> a = {0, 0, 0, 10, 20, 30};
  const std::vector<uint8_t> b = {3, 0, 0, 10, 24, 30};
  const double mse = (9.0 + 16.0) / 6.0;
  EXPECT_NEAR(psnr(from_rgb8(a, {2, 1}), from_rgb8(b, {2, 1})), 10.0 * std::log10(65025.0 / mse), 1e-12);
  EXPECT_NEAR(psnr(from_rgb8(a, {1, 2}), from_rgb8(b, {1, 2})), 10.0 * std::log10(65025.0 / mse), 1e-12);
}

TEST(Psnr, SeesWhatAViewerSees) {
  Image a({1, 1});
  Image b({1, 1});
  EXPECT_TRUE(std::isinf(psnr(a, b)));
  b.row(0, 0)[0] = -0.2F;    // clamped to 0
  b.row(1, 0)[0] = 0.0015F;  // rounded to 0
  EXPECT_TRUE(std::isinf(psnr(a, b)));
  a.row(0, 0)[0] = 1.7F;
  EXPECT_NEAR(psnr(a, b), 10.0 * std::log10(3.0), 1e-12);
}

}  // namespace
}  // namespace compass
