// Winograd's convolution: vectors against loops, the whole against the direct one, and no pixel minds its
// tile.
#include "nn/winograd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "nn/packed_conv_weights.h"
#include "nn/testing/random.h"
#include "nn/testing/target.h"

namespace compass::nn {
namespace {

class Winograd : public OnEveryTarget {};
INSTANTIATE_TEST_SUITE_P(Targets, Winograd, testing::ValuesIn(kernel_targets()), target_name);

void expect_near(const std::vector<float>& a, const std::vector<float>& b, float limit) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], limit) << i;
}

// Of sums in other orders: some units in the last place of the largest value.
float rounding(const std::vector<float>& values) {
  float largest = 0.0F;
  for (const float v : values) largest = std::max(largest, std::abs(v));
  return 5e-7F * largest;
}

// Maps are wider than the tile, points and products lie apart, and outputs outside the clip stay as they are.
TEST_P(Winograd, TransformsEqualTheirPlainTwins) {
  for (const auto& [rows, cols] : {std::pair{4, 4}, {8, 12}, {12, 64}}) {
    for (const size_t channels : {16, 48, 320}) {
      const WinogradTile tile{rows, cols, channels};
      const size_t blocks = static_cast<size_t>(rows) * cols / 16, pitch = channels + 16;
      const size_t stride = blocks * pitch + 5, row = (cols + 7) * pitch;
      const auto pixels = RandomFloats(1)((rows + 2) * row);
      std::vector<float> fast(kWinogradPoints * stride), exact(fast), want(fast);
      const PixelGrid<const float> in{pixels.data(), row, pitch};
      winograd_inputs(in, tile, {fast.data(), stride, pitch}, Arithmetic::kFast);
      winograd_inputs(in, tile, {exact.data(), stride, pitch}, Arithmetic::kExact);
      plain::winograd_inputs(in, tile, {want.data(), stride, pitch});
      ASSERT_EQ(exact, want);
      expect_near(fast, want, rounding(want));

      const WinogradPoints<const float> products{want.data(), stride, pitch};
      const auto bias = RandomFloats(2)(channels), addends = RandomFloats(3)(rows * row);
      for (const Rect clip : {Rect{0, 0, cols, rows}, Rect{1, 2, cols - 2, rows - 2}}) {
        for (const float slope : {1.0F, 0.01F, 0.0F}) {
          const PixelGrid<const float> addend{slope == 1.0F ? nullptr : addends.data(), row, pitch};
          std::vector<float> c(rows * row, 7.0F), d(c), e(c);
          const auto outputs = [&](std::vector<float>& to) {
            return PixelGrid<float>{to.data(), row, pitch};
          };
          winograd_outputs(products, tile, bias.data(), slope, addend, clip, outputs(c), Arithmetic::kFast);
          winograd_outputs(products, tile, bias.data(), slope, addend, clip, outputs(d), Arithmetic::kExact);
          plain::winograd_outputs(products, tile, bias.data(), slope, addend, clip, outputs(e));
          ASSERT_EQ(d, e);
          expect_near(c, e, rounding(e));
        }
      }
    }
  }
}

struct Convolution {
  int in = 48, out = 32, rows = 8, cols = 20;
  Act act = Act::kNone;
};

// A tile through the context, by either way. Both are f32; `direct` forbids Winograd's.
std::vector<float> convolve(const Convolution& c, const std::vector<float>& weights,
                            const std::vector<float>& bias, const std::vector<float>& tile, bool direct) {
  ThreadPool pool(1);
  Context context(pool, Precision::kF32);
  PaddedConvWeights padded = pad_conv_weights(weights, bias, c.in, c.out, 3, 3);
  const ReadyConv conv = context.ready(padded, {.in = c.in,
                                                .out = c.out,
                                                .kernel_h = 3,
                                                .kernel_w = 3,
                                                .rows = c.rows,
                                                .cols = c.cols,
                                                .act = c.act,
                                                .direct = direct});
  EXPECT_EQ(context.implementations()[0] == "winograd", !direct);
  std::vector<float> result(static_cast<size_t>(c.rows) * c.cols * c.out);
  conv.run(context.workspace(0), 0, tile.data(), result.data());
  return result;
}

TEST_P(Winograd, EqualsTheDirectConvolution) {
  for (const Convolution& c :
       {Convolution{}, Convolution{.in = 16, .out = 16, .rows = 8, .cols = 12},
        Convolution{.in = 32, .out = 16, .rows = 4, .cols = 4},
        Convolution{.in = 320, .out = 96, .rows = 12, .cols = 64, .act = Act::kLeakyRelu},
        Convolution{.in = 128, .out = 128, .rows = 8, .cols = 64, .act = Act::kRelu}}) {
    const auto weights = RandomFloats(1)(static_cast<size_t>(c.out) * c.in * 9);
    const auto bias = RandomFloats(2)(c.out);
    const auto tile = RandomFloats(3)(static_cast<size_t>(c.rows + 2) * (c.cols + 2) * c.in);
    // A sum of 9 * in products, each 1/3 in the root mean square, is sqrt(in) in it.
    const float limit = 2e-5F * std::sqrt(static_cast<float>(c.in));
    expect_near(convolve(c, weights, bias, tile, false), convolve(c, weights, bias, tile, true), limit);
  }
}

// The same pixels in another tile, four rows and eight columns further, are the same to the last bit.
TEST_P(Winograd, PixelsDoNotMindTheirTile) {
  const Convolution large{.in = 64, .out = 64, .rows = 12, .cols = 64},
      small{.in = 64, .out = 64, .rows = 8, .cols = 12};
  const auto weights = RandomFloats(1)(static_cast<size_t>(64) * 64 * 9);
  const auto bias = RandomFloats(2)(64);
  const auto tile = RandomFloats(3)(static_cast<size_t>(large.rows + 2) * (large.cols + 2) * 64);
  std::vector<float> part;
  for (int y = 4; y < 4 + small.rows + 2; ++y) {
    const auto from = tile.begin() + (y * (large.cols + 2) + 8) * 64;
    part.insert(part.end(), from, from + (small.cols + 2) * 64);
  }
  const auto whole = convolve(large, weights, bias, tile, false),
             piece = convolve(small, weights, bias, part, false);
  for (int y = 0; y < small.rows; ++y) {
    for (int i = 0; i < small.cols * 64; ++i) {
      ASSERT_EQ(piece[static_cast<size_t>(y) * small.cols * 64 + i],
                whole[static_cast<size_t>((y + 4) * large.cols + 8) * 64 + i]);
    }
  }
}

}  // namespace
}  // namespace compass::nn
