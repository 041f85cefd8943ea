// Alpha through encoder and decoder: without loss, at every size, in parts, and damaged.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "codec/alpha_layers.h"
#include "codec/decoder.h"
#include "codec/encoder.h"
#include "codec/testing/pictures.h"
#include "codec/transparent_fill.h"
#include "image/resize.h"

namespace compass {
namespace {

// A soft disc, and some noise in a corner.
Plane test_alpha(Size size) {
  Plane plane(size);
  std::mt19937 random(7);
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      const double far = std::hypot(x - 0.5 * size.width, y - 0.5 * size.height) - 0.3 * size.width;
      plane.row(y)[x] = static_cast<uint8_t>(std::clamp(127.0 - 40.0 * far, 0.0, 255.0));
      if (x < size.width / 8 && y < size.height / 8) plane.row(y)[x] = static_cast<uint8_t>(random());
    }
  }
  return plane;
}

Plane cut(const Plane& plane, Rect part) {
  Plane out(part.size());
  for (int y = 0; y < part.height; ++y) std::copy_n(plane.row(part.y + y) + part.x, part.width, out.row(y));
  return out;
}

EncodedPicture encoded_with(const Plane& alpha, std::vector<Size> sizes) {
  Encoder encoder(tiny_model(), {.threads = 2});
  EncodeSettings settings;
  settings.sizes = std::move(sizes);
  settings.effort = 0;
  settings.alpha = alpha.view();
  auto encoded = encoder.encode(test_picture(alpha.size), settings);
  EXPECT_TRUE(encoded) << encoded.error().message;
  return *std::move(encoded);
}

DecodedPicture decode(std::span<const uint8_t> bytes, const DecodeSettings& settings = {}) {
  Decoder decoder(tiny_model(), {.threads = 2});
  MemorySource source(bytes);
  auto decoded = decoder.decode(source, settings);
  EXPECT_TRUE(decoded) << decoded.error().message;
  return *std::move(decoded);
}

class AlphaSizes : public testing::TestWithParam<std::vector<Size>> {};

TEST_P(AlphaSizes, EveryLayerHasItsOwnWithoutLoss) {
  const std::vector<Size>& sizes = GetParam();
  const Plane alpha = test_alpha(sizes.back());
  const auto encoded = encoded_with(alpha, sizes);
  for (size_t k = 0; k < sizes.size(); ++k) {
    const auto decoded = decode(encoded.bytes, {.layer = static_cast<int>(k)});
    EXPECT_TRUE(decoded.kinds.alpha);
    ASSERT_EQ(decoded.alpha.size, sizes[k]);
    EXPECT_EQ(decoded.alpha.samples, resize(alpha.view(), sizes[k]).samples) << "layer " << k;
    EXPECT_GT(encoded.layers[k].alpha_bytes, 0U);
  }
  EXPECT_EQ(decode(encoded.bytes).alpha.samples, alpha.samples);
}

INSTANTIATE_TEST_SUITE_P(Geometry, AlphaSizes,
                         testing::Values(std::vector<Size>{{2, 1}}, std::vector<Size>{{1, 1}, {1, 1}, {3, 7}},
                                         std::vector<Size>{{17, 31}, {17, 62}, {68, 62}},
                                         std::vector<Size>{{1, 300}, {2, 301}},
                                         std::vector<Size>{{40, 30}, {40, 30}},
                                         std::vector<Size>{{50, 35}, {60, 42}, {90, 63}},
                                         std::vector<Size>{{260, 10}, {1040, 40}}));

TEST(Alpha, PicturesWithoutItDoNotChange) {
  Encoder encoder(tiny_model(), {.threads = 1});
  EncodeSettings settings;
  settings.sizes = {{20, 15}, {40, 30}};
  const Image picture = test_picture({40, 30});
  const auto plain = encoder.encode(picture, settings);
  const Plane opaque({40, 30}, 255);
  settings.alpha = opaque.view();
  EXPECT_EQ(encoder.encode(picture, settings)->bytes, plain->bytes);
  EXPECT_TRUE(decode(plain->bytes).alpha.empty());
}

TEST(Alpha, AConstantPlaneIsAByteALayer) {
  const Size size{1100, 40};
  for (const int value : {0, 127}) {
    const Plane alpha(size, static_cast<uint8_t>(value));
    const auto encoded = encoded_with(alpha, {{550, 20}, size});
    for (const auto& layer : encoded.layers) EXPECT_EQ(layer.alpha_bytes, 1U);
    EXPECT_EQ(decode(encoded.bytes).alpha.samples, alpha.samples);
  }
}

TEST(Alpha, RegionsAreCutFromTheWhole) {
  const std::vector<Size> sizes{{300, 290}, {600, 580}};  // 1 block and 4
  const Plane alpha = test_alpha(sizes[1]);
  const auto encoded = encoded_with(alpha, sizes);
  for (const Rect part : {Rect{0, 0, 1, 1}, Rect{599, 579, 1, 1}, Rect{500, 500, 30, 30}, Rect{520, 3, 70, 9},
                          whole(sizes[1])}) {
    EXPECT_EQ(decode(encoded.bytes, {.region = part}).alpha.samples, cut(alpha, part).samples);
    const auto lower = decode(encoded.bytes, {.layer = 0, .region = Rect{part.x / 2, part.y / 2, 1, 1}});
    EXPECT_EQ(lower.alpha.samples.size(), 1U);
  }
}

// A part takes the bytes of its blocks, and of those below them.
TEST(Alpha, APartReadsItsOwnBlocks) {
  const std::vector<Size> sizes{{600, 580}, {1200, 1160}};
  const auto encoded = encoded_with(test_alpha(sizes[1]), sizes);
  const ContainerHeader header = *parse_header(encoded.bytes)->header;
  const Rect corner{1190, 1150, 10, 10};
  AlphaLayers layers(header.layers, {{590, 570, 10, 10}, corner});
  uint64_t taken = 0, at = 0;
  for (int k = 0; k < 2; ++k) {
    const auto read = [&](ByteRange range) -> Result<std::vector<uint8_t>> {
      EXPECT_GE(range.offset, at);
      at = range.end();
      taken += range.bytes;
      const auto bytes = std::span(encoded.bytes).subspan(range.offset, range.bytes);
      return std::vector<uint8_t>(bytes.begin(), bytes.end());
    };
    const auto status = layers.receive(header, k, read);
    ASSERT_TRUE(status.ok()) << status.error().message;
  }
  EXPECT_LT(taken, (header.layers[0].alpha.bytes + header.layers[1].alpha.bytes) / 2);
  ThreadPool pool(1);
  Plane part;
  std::vector<std::string> damage;
  EXPECT_EQ(layers.decode(2, pool, part, damage), 2);
  EXPECT_EQ(part.samples, cut(test_alpha(sizes[1]), corner).samples);
}

TEST(Alpha, AnySizeIsResampled) {
  const std::vector<Size> sizes{{30, 20}, {60, 40}};
  const Plane alpha = test_alpha(sizes[1]);
  const auto encoded = encoded_with(alpha, sizes);
  for (const Size size : {Size{7, 5}, Size{45, 37}, Size{60, 40}, Size{130, 90}}) {
    const auto decoded = decode(encoded.bytes, {.size = size});
    const bool small = size.width <= 30 && size.height <= 20;
    const Plane layer = small ? resize(alpha.view(), sizes[0]) : alpha;
    EXPECT_EQ(decoded.alpha.samples, resize(layer.view(), size).samples);
    EXPECT_EQ(decoded.size(), size);
  }
}

TEST(Alpha, ThreadsAndFormatsOfPixelsGiveTheSame) {
  const Size size{700, 30};
  const Plane alpha = test_alpha(size);
  const Image picture = test_picture(size);
  Rgb8Image bytes(size);
  to_rgb8(picture, bytes.samples);
  EncodeSettings settings;
  settings.sizes = {{350, 15}, size};
  settings.effort = 0;
  settings.alpha = alpha.view();
  std::vector<uint8_t> first;
  for (const int threads : {1, 3}) {
    Encoder encoder(tiny_model(), {.threads = threads});
    const auto encoded = encoder.encode(bytes.view(), settings);
    ASSERT_TRUE(encoded.ok());
    if (first.empty()) first = encoded->bytes;
    EXPECT_EQ(encoded->bytes, first);
  }
}

TEST(Alpha, OfAnotherSizeIsRefused) {
  Encoder encoder(tiny_model(), {.threads = 1});
  const Plane alpha({39, 30}, 3);
  EncodeSettings settings;
  settings.sizes = {{40, 30}};
  settings.alpha = alpha.view();
  const auto encoded = encoder.encode(test_picture({40, 30}), settings);
  ASSERT_FALSE(encoded.ok());
  EXPECT_EQ(encoded.error().code, ErrorCode::kUsage);
}

// What nobody sees costs nothing: noise under alpha 0 makes the same file as any other colour there.
TEST(Alpha, HiddenColoursDoNotMatter) {
  const Size size{64, 48};
  Plane alpha(size, 255);
  for (int y = 0; y < 48; ++y) std::fill_n(alpha.row(y), 30, uint8_t{0});
  Image noisy = test_picture(size), black = noisy;
  std::mt19937 random(3);
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < 48; ++y) {
      for (int x = 0; x < 30; ++x) {
        noisy.row(c, y)[x] = static_cast<float>(random() % 256) / 255.0F;
        black.row(c, y)[x] = 0.0F;
      }
    }
  }
  Encoder encoder(tiny_model(), {.threads = 1});
  EncodeSettings settings;
  settings.sizes = {{32, 24}, size};
  settings.alpha = alpha.view();
  EXPECT_EQ(encoder.encode(noisy, settings)->bytes, encoder.encode(black, settings)->bytes);
}

TEST(TransparentFill, KeepsWhatIsSeenAndContinuesIt) {
  ThreadPool pool(2);
  for (const Size size : {Size{1, 1}, Size{37, 21}, Size{64, 1}}) {
    const Image picture = test_picture(size);
    Plane alpha(size, 0);
    for (int y = 0; y < size.height; ++y) {
      for (int x = 0; x < size.width; ++x) alpha.row(y)[x] = x < (size.width + 1) / 2 ? 1 + x % 255 : 0;
    }
    const Image out = filled(picture, alpha.view(), pool);
    for (int c = 0; c < 3; ++c) {
      float least = 1.0F, most = 0.0F;
      for (int y = 0; y < size.height; ++y) {
        for (int x = 0; x < size.width; ++x) {
          if (alpha.row(y)[x] == 0) continue;
          ASSERT_EQ(out.row(c, y)[x], picture.row(c, y)[x]);
          least = std::min(least, out.row(c, y)[x]);
          most = std::max(most, out.row(c, y)[x]);
        }
      }
      for (const float v : out.plane(c)) ASSERT_TRUE(v >= least - 1e-5F && v <= most + 1e-5F);
    }
  }
  const Plane nothing({5, 4}, 0);
  const Image black = filled(test_picture({5, 4}), nothing.view(), pool);
  for (const float v : black.plane(1)) EXPECT_EQ(v, 0.0F);
}

class AlphaDamage : public testing::Test {
 protected:
  // A picture, or an error; a picture's alpha is its layer's, and damage is told unless nothing is missing.
  void check(std::span<const uint8_t> bytes, size_t what) {
    MemorySource source(bytes);
    const auto decoded = decoder_.decode(source);
    if (!decoded) {
      EXPECT_FALSE(decoded.error().message.empty());
      return;
    }
    ASSERT_EQ(decoded->alpha.samples, resize(alpha_.view(), sizes_[decoded->layer]).samples) << what;
    EXPECT_TRUE(decoded->layer == 1 || !decoded->damage.empty()) << what;
  }

  const std::vector<Size> sizes_{{9, 7}, {18, 14}};
  const Plane alpha_ = test_alpha({18, 14});
  const std::vector<uint8_t> file_ = encoded_with(alpha_, sizes_).bytes;
  Decoder decoder_{tiny_model(), {.threads = 1}};
};

TEST_F(AlphaDamage, EveryPrefix) {
  const ContainerHeader header = *parse_header(file_)->header;
  for (size_t length = 0; length < file_.size(); ++length) {
    const auto prefix = std::span(file_).first(length);
    check(prefix, length);
    MemorySource source(prefix);
    const auto decoded = decoder_.decode(source);
    EXPECT_EQ(decoded.ok() ? decoded->layer + 1 : 0, whole_layers(header, length));
  }
}

TEST_F(AlphaDamage, EveryFlippedBit) {
  for (size_t at = 0; at < file_.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      auto damaged = file_;
      damaged[at] ^= static_cast<uint8_t>(1 << bit);
      check(damaged, at);
    }
  }
}

// Checksums that are right for alpha that is not: the layer is lost, and those above it.
TEST_F(AlphaDamage, BytesLeftOverLoseTheLayer) {
  const ContainerHeader header = *parse_header(file_)->header;
  for (int k = 0; k < 2; ++k) {
    ContainerContents contents;
    contents.decoder = header.decoder;
    contents.kinds = header.kinds;
    for (const LayerEntry& layer : header.layers) {
      const auto of = [&](ByteRange range) {
        const auto bytes = std::span(file_).subspan(range.offset, range.bytes);
        return std::vector<uint8_t>(bytes.begin(), bytes.end());
      };
      contents.layers.push_back({.size = layer.size,
                                 .quality = layer.quality,
                                 .stream = {of({layer.offset, layer.bytes}), 0},
                                 .alpha = {of(layer.all_alpha()), 0}});
    }
    auto& bytes = contents.layers[k].alpha.bytes;
    bytes.insert(bytes.end(), 9, 1);
    const auto file = *write_container(contents);
    MemorySource source(file);
    const auto decoded = decoder_.decode(source);
    ASSERT_EQ(decoded.ok(), k == 1);
    if (k == 0) {
      EXPECT_EQ(decoded.error().code, ErrorCode::kDamaged);
    } else {
      EXPECT_EQ(decoded->layer, 0);
    }
  }
}

}  // namespace
}  // namespace compass
