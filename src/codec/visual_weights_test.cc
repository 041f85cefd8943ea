#include "codec/visual_weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "codec/testing/pictures.h"

namespace compass {
namespace {

// Calm on the left, noise on the right.
Image half_busy(Size size) {
  Image image(size);
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < size.height; ++y) {
      for (int x = 0; x < size.width; ++x) {
        const auto noise = static_cast<float>((x * 7919 + y * 104729 + x * y * 31) % 97) / 97.0F;
        image.row(c, y)[x] = x < size.width / 2 ? 0.5F : noise;
      }
    }
  }
  return image;
}

TEST(VisualWeights, CalmPartsCountMore) {
  const Image image = half_busy({256, 192});
  ThreadPool pool(2);
  const VisualWeights weights(Original(image), image.size(), pool);
  EXPECT_GT(weights.at(100, 10), 1.0F);
  EXPECT_LT(weights.at(100, 250), 1.0F);
  EXPECT_NEAR(weights.at(100, 10) * weights.at(100, 250), 1.0F, 0.05F);  // as much more as less
  const QualityMap map = weights.quality_map({}, 20.0);
  ASSERT_EQ(map.offsets.size(), 12U);
  EXPECT_GT(map.offsets[0], 0);
  EXPECT_LT(map.offsets[3], 0);
  for (const int8_t offset : map.offsets) EXPECT_EQ(offset % 3, 0);
  // Half as many steps of quality to a doubling of lambda, half the offsets.
  const QualityMap half = weights.quality_map({}, 10.0);
  EXPECT_NEAR(half.offsets[0], map.offsets[0] / 2.0, 3.0);
}

TEST(VisualWeights, ThatOfAnEvenPictureIsOne) {
  for (const Size size : {Size{1, 1}, Size{7, 9}, Size{8, 8}, Size{65, 3}, Size{200, 130}}) {
    const Image image(size);
    ThreadPool pool(1);
    const VisualWeights weights(Original(image), size, pool);
    EXPECT_FLOAT_EQ(weights.at(0, 0), 1.0F);
    EXPECT_FLOAT_EQ(weights.at(size.height - 1, size.width - 1), 1.0F);
    EXPECT_TRUE(weights.quality_map({}, 20.0).empty());
  }
}

TEST(VisualWeights, TheFormula) {
  // One cell busier than its neighbours; binomial averages of its logarithm reach as far as the next ones.
  const Size size{40, 24};  // 5x3 cells
  std::vector<double> variances(15, 0.0);
  variances[1 * 5 + 2] = 60.0 * 60.0;
  const VisualWeights weights(size, variances);
  const double calm = std::log(10.0), busy = 0.5 * std::log(3600.0 + 100.0);
  const auto l = [&](double share) { return calm + share * (busy - calm); };
  // The shares of the 15 cells add up to 1.
  const double mean = l(1.0 / 15.0);
  EXPECT_NEAR(weights.at(12, 20), std::exp(-1.2 * (l(0.25) - mean)), 1e-5);
  EXPECT_NEAR(weights.at(12, 12), std::exp(-1.2 * (l(0.125) - mean)), 1e-5);
  EXPECT_NEAR(weights.at(4, 12), std::exp(-1.2 * (l(0.0625) - mean)), 1e-5);
  EXPECT_NEAR(weights.at(4, 0), std::exp(-1.2 * (l(0.0) - mean)), 1e-5);
  EXPECT_NEAR(weights.mean({16, 8, 8, 8}), weights.at(12, 20), 1e-6);
  EXPECT_NEAR(weights.mean({32, 16, 64, 64}), weights.at(20, 36), 1e-6);  // beyond the edge
  EXPECT_NEAR(weights.mean({8, 8, 16, 8}), (weights.at(12, 12) + weights.at(12, 20)) / 2.0F, 1e-6);
}

TEST(VisualWeights, AWishIsAdded) {
  const Image image = half_busy({128, 64});
  ThreadPool pool(1);
  const VisualWeights weights(Original(image), image.size(), pool);
  const QualityMap own = weights.quality_map({}, 20.0);
  const QualityMap both = weights.quality_map({{30, -100}}, 20.0);
  EXPECT_EQ(both.offsets[0], own.offsets[0] + 30);
  EXPECT_EQ(both.offsets[1], -100);  // no offset goes further
}

// Where all counts the same, files are those of before, with either quantiser.
TEST(VisualWeights, AnEvenPictureIsCodedAsBefore) {
  Image image({200, 136});
  for (int c = 0; c < 3; ++c) std::ranges::fill(image.plane(c), 0.2F + 0.3F * static_cast<float>(c));
  for (const auto& model :
       {tiny_model(), must_load(COMPASS_SOURCE_DIR "/tests/data/tiny_trellis.safetensors")}) {
    Encoder encoder(model, {.threads = 2});
    for (const int effort : {0, 3}) {
      EncodeSettings settings{.sizes = {{50, 34}, {200, 136}}, .effort = effort};
      const auto before = encoder.encode(image, settings);
      settings.tune = Tune::kVisual;
      const auto now = encoder.encode(image, settings);
      ASSERT_TRUE(before && now);
      EXPECT_EQ(now->bytes, before->bytes);
    }
  }
}

// The map alone makes another file than map and weights: the search sees those, too.
TEST(VisualWeights, TheSearchSeesThem) {
  const Image image = half_busy({256, 192});
  ThreadPool pool(1);
  const VisualWeights weights(Original(image), image.size(), pool);
  for (const auto& model :
       {tiny_model(), must_load(COMPASS_SOURCE_DIR "/tests/data/tiny_trellis.safetensors")}) {
    const QualityMap map = weights.quality_map({}, model->quality_doubling());
    Encoder encoder(model, {.threads = 2});
    const auto encoded = [&](EncodeSettings settings) {
      settings.sizes = {image.size()};
      const auto made = encoder.encode(image, settings);
      EXPECT_TRUE(made) << made.error().message;
      MemorySource source(made->bytes);
      EXPECT_TRUE(Decoder(model, {.threads = 1}).decode(source, {.strict = true}));
      return made->bytes;
    };
    EXPECT_EQ(encoded({.tune = Tune::kVisual, .effort = 0}), encoded({.quality_maps = {map}, .effort = 0}));
    EXPECT_NE(encoded({.tune = Tune::kVisual, .effort = 2}), encoded({.quality_maps = {map}, .effort = 2}));
  }
}

}  // namespace
}  // namespace compass
