#include "nn/pixel_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "nn/testing/random.h"
#include "nn/testing/target.h"

namespace compass::nn {
namespace {

class PixelRows : public OnEveryTarget {};
INSTANTIATE_TEST_SUITE_P(Targets, PixelRows, testing::ValuesIn(kernel_targets()), target_name);

TEST_P(PixelRows, SplitsAsItsPlainTwin) {
  RandomFloats random(3);
  for (size_t n = 0; n < 70; ++n) {
    const std::vector<float> pixels = random(3 * n), addend = random(3 * n);
    for (const float* added : {static_cast<const float*>(nullptr), addend.data()}) {
      std::vector<float> a(3 * (n + 1), -7.0F), b(a);  // one more in each row, which must stay
      const auto rows = [n](std::vector<float>& v) {
        return std::array<float*, 3>{v.data(), v.data() + n + 1, v.data() + 2 * (n + 1)};
      };
      split_pixels(pixels.data(), added, n, rows(a));
      plain::split_pixels(pixels.data(), added, n, rows(b));
      ASSERT_EQ(a, b) << n;
    }
  }
}

TEST_P(PixelRows, RoundsAsItsPlainTwin) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  std::vector<float> samples{nan, -nan, inf, -inf, 0.0F, -0.0F, 1.0F, 1e30F, -1e-30F, 0.99999994F};
  for (int i = 0; i < 256; ++i) {  // where rounding goes the other way, and its neighbours
    const float edge = (static_cast<float>(i) + 0.5F) / 255.0F;
    for (const float v : {edge, std::nextafter(edge, 0.0F), std::nextafter(edge, 1.0F)}) samples.push_back(v);
  }
  for (size_t first = 0; first < 20; ++first) {
    const size_t n = samples.size() - first;
    std::vector<uint8_t> a(n + 1, 77), b(a);
    round_samples(samples.data() + first, n, a.data());
    plain::round_samples(samples.data() + first, n, b.data());
    ASSERT_EQ(a, b) << first;
  }
}

}  // namespace
}  // namespace compass::nn
