// Exact arithmetic: one picture has the same bits under every instruction set, whole and in parts, on any
// number of threads; and encoding finds the same symbols everywhere.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "codec/file_reader.h"
#include "codec/runtime.h"
#include "codec/testing/pictures.h"
#include "core/sanitized.h"
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

// The picture of a layer that a reader decodes.
struct Kept : PixelSink {
  explicit Kept(Size size) : image(size) {}
  void set_alpha(PlaneView /*alpha*/) override {}
  void begin_band(int /*top*/, int /*bottom*/) override {}
  void put(int y, int x, int count, const SampleRows& samples) override {
    for (int c = 0; c < 3; ++c) std::copy_n(samples[c], count, image.row(c, y) + x);
  }
  bool end_band(int /*top*/, int /*bottom*/) override { return true; }
  Image image;
};

// One decoder for a picture that auto may compute exactly and for one that is too large, whose readers take
// turns.
TEST(Auto, SuitsEachPicture) {
  if (kSanitized) GTEST_SKIP() << "takes a sanitizer minutes, through code that other tests go through";
  const auto model = tiny_model();
  Encoder encoder(model, {.threads = 2});
  Decoder decoder(model, {.threads = 2});
  struct File {
    std::vector<Size> sizes;
    std::vector<uint8_t> bytes;
    Precision precision;
    std::unique_ptr<FileReader> reader;
  };
  std::vector<File> files;
  for (const Size size : {Size{60, 42}, Size{8200, 514}}) {
    File& file = files.emplace_back();
    file.sizes = {{size.width / 2, size.height / 2}, size};
    file.precision = nn::resolve(Precision::kAuto, size.pixels());
    file.bytes = encode(encoder, test_picture(size), file.sizes).bytes;
    file.reader = std::make_unique<FileReader>(decoder.runtime());
    file.reader->push(0, file.bytes);
    file.reader->end();
  }
  EXPECT_EQ(files[0].precision, nn::resolve(Precision::kAuto));
  EXPECT_NE(files[1].precision, Precision::kExact);
  for (const int layer : {0, 1}) {
    for (const File& file : files) {
      Decoder other(model, {.threads = 1, .precision = file.precision});
      MemorySource source(file.bytes), again(file.bytes);
      const auto want = other.decode(source, {.layer = layer});
      const auto have = decoder.decode(again, {.layer = layer});
      ASSERT_TRUE(want && have);
      EXPECT_TRUE(equal(have->image, want->image)) << layer;
      EXPECT_EQ(decoder.runtime().context.precision(), file.precision);
      Kept kept(file.sizes[layer]);
      const auto read = file.reader->next_layer(&kept);
      ASSERT_TRUE(read) << read.error().message;
      EXPECT_TRUE(equal(kept.image, want->image)) << layer;
    }
  }
}

// Whoever names a precision gets it, whatever the size.
TEST(Auto, LeavesWishesAlone) {
  ThreadPool pool(1);
  for (const Precision wish : {Precision::kF32, Precision::kExact}) {
    nn::Context context(pool, wish);
    for (const int64_t pixels : {int64_t{1}, nn::kMaxExactPixels + 1}) {
      context.suit(pixels);
      EXPECT_EQ(context.precision(), wish);
    }
  }
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
