// The loop filter against its definition, written down pixel by pixel.
#include "codec/loop_filter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "codec/testing/filter.h"
#include "codec/testing/pictures.h"
#include "image/image.h"

namespace compass {
namespace {

// docs/bitstream.md, section 5, as it stands there.
double correction(const Image& image, const std::vector<float>& weights, int c, int y, int x) {
  const auto at = [&](int plane, int dy, int dx) -> double {
    const int row = std::clamp(y + dy, 0, image.height() - 1);
    const int column = std::clamp(x + dx, 0, image.width() - 1);
    const auto sample = [&](int p) -> double { return image.row(p, row)[column]; };
    return plane < 3 ? sample(plane) : 0.299 * sample(0) + 0.587 * sample(1) + 0.114 * sample(2);
  };
  double a = 0.0, b = 0.0, d = 0.0;
  for (int dy = -2; dy <= 2; ++dy) {
    for (int dx = -2; dx <= 2; ++dx) {
      const double h = 255.0 * (at(3, dy, dx + 1) - at(3, dy, dx - 1)) / 2.0;
      const double v = 255.0 * (at(3, dy + 1, dx) - at(3, dy - 1, dx)) / 2.0;
      a += h * h / 25.0;
      b += v * v / 25.0;
      d += h * v / 25.0;
    }
  }
  const double t = a + b;
  const double level[3] = {4.0 / (t + 4.0), t / (t + 4.0) - t / (t + 100.0), t / (t + 100.0)};
  const double way[3] = {1.0, (a - b) / (t + 2.0), 2.0 * d / (t + 2.0)};
  std::vector<double> taps;
  for (int plane = 0; plane < 3; ++plane) {
    for (int dy = -1; dy <= 1; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) taps.push_back(at(plane, dy, dx));
    }
  }
  for (int dy = -2; dy <= 2; ++dy) {
    for (int dx = -2; dx <= 2; ++dx) {
      if (std::abs(dy) == 2 || std::abs(dx) == 2) taps.push_back(at(3, dy, dx));
    }
  }
  taps.push_back(1.0);
  double sum = 0.0;
  for (int t_ = 0; t_ < kFilterTaps; ++t_) {
    for (int g = 0; g < kFilterGates; ++g) {
      sum += way[g / 3] * level[g % 3] * weights[(c * kFilterTaps + t_) * kFilterGates + g] * taps[t_];
    }
  }
  return sum;
}

// That of region r of a layer.
std::vector<float> weights_of(const FilterWeights& filter, const std::vector<int32_t>& coefficients,
                              size_t r) {
  std::vector<float> weights(filter.set(0), filter.set(1));
  for (int k = 0; k < filter.directions; ++k) {
    const auto coefficient = static_cast<float>(coefficients[r * filter.directions + k]);
    for (int i = 0; i < kFilterWeights; ++i) weights[i] += coefficient * filter.set(k + 1)[i];
  }
  return weights;
}

TEST(LoopFilter, IsWhatTheSpecificationSays) {
  const FilterWeights filter = random_filter(2);
  const std::vector<int32_t> coefficients{3, -2, 0, 1, -1, 0, 2, 2};
  for (const Size size : {Size{1, 1}, Size{2, 5}, Size{67, 41}, Size{270, 261}}) {
    const Image image = test_picture(size);
    FilterBand band;
    std::vector<float> row(size.width + nn::kFilterPadding);
    for (int top = 0; top < size.height; top += 17) {
      const Rect part{size.width / 3, top, size.width - size.width / 3, std::min(17, size.height - top)};
      const LayerFilter layer(filter, coefficients, size, part);
      band.load(part, size, rows_of(image));
      for (int y = top; y < top + part.height; ++y) {
        if (size.width > 100 && y % 51 != 0 && y < 250) continue;  // it is slow
        band.select_row(y);
        for (int c = 0; c < 3; ++c) {
          layer.correct(band, c, nn::Arithmetic::kFast, row.data());
          for (int x = part.x; x < size.width; ++x) {
            const int region = (x >= 256 ? 1 : 0) + (y >= 256 ? 2 : 0);
            ASSERT_EQ(band.sample(c)[x - part.x], image.row(c, y)[x]);
            ASSERT_NEAR(row[x - part.x], correction(image, weights_of(filter, coefficients, region), c, y, x),
                        3e-5)
                << y << " " << x;
          }
        }
      }
    }
  }
}

TEST(LoopFilter, RegionsGoRowByRow) {
  EXPECT_EQ(FilterRegions({1, 1}).count(), 1U);
  const FilterRegions regions({600, 257});
  EXPECT_EQ(regions.count(), 6U);
  EXPECT_EQ(regions.at(511, 255), 1U);
  EXPECT_EQ(regions.at(512, 256), 5U);
  std::vector<std::array<int, 3>> parts;
  regions.split_row(200, 256, 400, [&](size_t region, int x, int count) {
    parts.push_back({static_cast<int>(region), x, count});
  });
  EXPECT_EQ(parts, (std::vector<std::array<int, 3>>{{3, 200, 56}, {4, 256, 256}, {5, 512, 88}}));
}

}  // namespace
}  // namespace compass
