// The loop filter against its definition, written down pixel by pixel, and an encoder's choice of steps.
#include "codec/loop_filter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "codec/test_pictures.h"
#include "entropy/layer_coder.h"
#include "image/image.h"

namespace compass {
namespace {

FilterWeights random_filter(int directions) {
  std::mt19937 generator(3);
  std::normal_distribution<float> distribution(0.0F, 0.02F);
  FilterWeights filter;
  filter.directions = directions;
  filter.values.resize(static_cast<size_t>(1 + directions) * kFilterWeights);
  for (float& v : filter.values) v = distribution(generator);
  return filter;
}

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

TEST(LoopFilter, IsWhatTheSpecificationSays) {
  const FilterWeights filter = random_filter(2);
  const std::vector<float> weights = combined_filter(filter, std::vector<int32_t>{3, -2});
  EXPECT_NEAR(weights[7], filter.set(0)[7] + 3 * filter.set(1)[7] - 2 * filter.set(2)[7], 1e-6);
  for (const Size size : {Size{1, 1}, Size{2, 5}, Size{67, 41}}) {
    const Image image = test_picture(size);
    FilterBand band;
    std::vector<float> row(size.width + nn::kFilterPadding);
    for (int top = 0; top < size.height; top += 17) {
      const Rect part{size.width / 3, top, size.width - size.width / 3, std::min(17, size.height - top)};
      band.load(part, size, rows_of(image));
      for (int y = top; y < top + part.height; ++y) {
        band.look_at(y);
        for (int c = 0; c < 3; ++c) {
          band.correct(weights.data(), c, row.data());
          for (int x = 0; x < part.width; ++x) {
            ASSERT_EQ(band.sample(c)[x], image.row(c, y)[part.x + x]);
            ASSERT_NEAR(row[x], correction(image, weights, c, y, part.x + x), 2e-5) << y << " " << x;
          }
        }
      }
    }
  }
}

// An error that the filter can take away with known steps: they are found where errors count, and none are
// spent where they do not.
TEST(LoopFilter, StepsAreFound) {
  const FilterWeights filter = random_filter(4);
  const std::vector<int32_t> truth{2, 0, -1, 5};
  const std::vector<float> weights = combined_filter(filter, truth);
  const Size size{97, 60};
  const Image image = test_picture(size);
  const auto steps = [&](double bits_per_error) {
    FilterFit fit(filter, bits_per_error, size.pixels());
    FilterBand band;
    std::vector<float> row(size.width + nn::kFilterPadding);
    EXPECT_EQ(fit.every(), 1);
    for (int y = 0; y < size.height; ++y) {
      band.load({0, y, size.width, 1}, size, rows_of(image));
      band.look_at(y);
      std::array<std::vector<float>, 3> error;
      std::array<const float*, 3> rows{};
      for (int c = 0; c < 3; ++c) {
        error[c].resize(row.size());
        band.correct(weights.data(), c, error[c].data());
        rows[c] = error[c].data();
      }
      fit.add(fit.sums_of(band, rows, size.width));
    }
    return fit.steps();
  };
  EXPECT_EQ(steps(1e6), truth);
  EXPECT_EQ(steps(1e-6), std::vector<int32_t>(4, 0));
}

}  // namespace
}  // namespace compass
