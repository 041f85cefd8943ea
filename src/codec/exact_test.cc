// Exact arithmetic: one picture has the same bits under every instruction set, whole and in parts, on any
// number of threads; and encoding finds the same symbols everywhere.
#include <gtest/gtest.h>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "codec/testing/pictures.h"
#include "nn/testing/target.h"

namespace compass {
namespace {

class Exact : public nn::OnEveryTarget {};
INSTANTIATE_TEST_SUITE_P(Targets, Exact, testing::ValuesIn(nn::kernel_targets()), nn::target_name);

constexpr Size kTop{243, 190};
const std::vector<Size> kSizes = {{60, 47}, {121, 95}, kTop};

EncodedPicture encoded(const std::shared_ptr<const Model>& model, int effort) {
  Encoder encoder(model, {.threads = 2, .precision = Precision::kExact});
  return encode(encoder, test_picture(kTop), kSizes, effort);
}

Image decoded(const std::shared_ptr<const Model>& model, std::span<const uint8_t> bytes, int threads,
              const DecodeSettings& settings) {
  Decoder decoder(model, {.threads = threads, .precision = Precision::kExact});
  MemorySource source(bytes);
  auto picture = decoder.decode(source, settings);
  EXPECT_TRUE(picture) << picture.error().message;
  return std::move(picture->image);
}

bool equal(const Image& a, const Image& b) {
  if (a.size() != b.size()) return false;
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < a.height(); ++y) {
      if (!std::equal(a.row(c, y), a.row(c, y) + a.width(), b.row(c, y))) return false;
    }
  }
  return true;
}

// What the plainest of the processor's instruction sets makes.
template <typename Make>
auto plainest(int64_t target, const Make& make) {
  hwy::SetSupportedTargetsForTest(nn::kernel_targets().back());
  auto made = make();
  hwy::SetSupportedTargetsForTest(target);
  return made;
}

TEST_P(Exact, FilesAndPixelsAreTheSameOnEveryTarget) {
  for (const auto& model : {tiny_model(), tiny_trellis_model()}) {
    for (const int effort : {0, 2}) {
      const EncodedPicture want = plainest(GetParam(), [&] { return encoded(model, effort); });
      const EncodedPicture have = encoded(model, effort);
      EXPECT_EQ(have.bytes, want.bytes) << effort;
      for (int k = 0; k < 3; ++k) {
        EXPECT_TRUE(equal(have.reconstructions[k], want.reconstructions[k])) << k;
        EXPECT_TRUE(equal(decoded(model, want.bytes, 1 + k, {.layer = k}), want.reconstructions[k])) << k;
      }
    }
  }
}

TEST_P(Exact, RegionsAreCropsOfTheWhole) {
  const auto model = tiny_model();
  const EncodedPicture file = plainest(GetParam(), [&] { return encoded(model, 0); });
  const Image& all = file.reconstructions[2];
  for (const Rect region :
       {Rect{0, 0, 1, 1}, Rect{242, 189, 1, 1}, Rect{50, 60, 70, 33}, Rect{3, 121, 200, 5}}) {
    const Image part = decoded(model, file.bytes, 2, {.region = region});
    ASSERT_EQ(part.size(), region.size());
    for (int c = 0; c < 3; ++c) {
      for (int y = 0; y < region.height; ++y) {
        const float* want = all.row(c, region.y + y) + region.x;
        ASSERT_TRUE(std::equal(want, want + region.width, part.row(c, y))) << region.x << "," << region.y;
      }
    }
  }
}

// Enlarging a picture that is smaller than its file, and shrinking one.
TEST_P(Exact, OtherSizesAreTheSameOnEveryTarget) {
  const auto model = tiny_model();
  const EncodedPicture file = encoded(model, 0);
  for (const Size size : {Size{100, 79}, Size{501, 377}}) {
    const auto make = [&] { return decoded(model, file.bytes, 2, {.size = size}); };
    EXPECT_TRUE(equal(make(), plainest(GetParam(), make))) << size.width;
  }
}

}  // namespace
}  // namespace compass
