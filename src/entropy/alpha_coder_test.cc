#include "entropy/alpha_coder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "entropy/binary_coder.h"
#include "entropy/bit_mixer.h"

namespace compass {
namespace {

// A disc with a soft edge, as cut-outs have.
Plane disc(Size size, double edge) {
  Plane plane(size);
  const double radius = 0.4 * std::min(size.width, size.height);
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      const double far = std::hypot(x + 0.5 - 0.5 * size.width, y + 0.5 - 0.5 * size.height) - radius;
      plane.row(y)[x] = static_cast<uint8_t>(std::clamp(127.5 - 255.0 * far / edge, 0.0, 255.0));
    }
  }
  return plane;
}

Plane noise(Size size, uint32_t seed) {
  std::mt19937 random(seed);
  Plane plane(size);
  for (uint8_t& v : plane.samples) v = static_cast<uint8_t>(random());
  return plane;
}

// Every second sample, more or less.
Plane half(const Plane& plane, Size size) {
  Plane out(size);
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      out.row(y)[x] =
          plane.row(int64_t{y} * plane.size.height / size.height)[int64_t{x} * plane.size.width / size.width];
    }
  }
  return out;
}

AlphaBelow below_of(const Plane& plane) {
  if (plane.empty()) return {};
  return {plane.view(), whole(plane.size), plane.size};
}

size_t expect_round_trip(const Plane& plane, const Plane& below) {
  const Rect all = whole(plane.size);
  const auto bytes = encode_alpha(plane.view(), plane.size, all, below_of(below));
  Plane decoded(plane.size, 99);
  const Status status =
      decode_alpha(bytes, plane.size, all, below_of(below), decoded.samples.data(), plane.size.width);
  EXPECT_TRUE(status.ok()) << status.error().message;
  EXPECT_EQ(decoded.samples, plane.samples) << plane.size.width << "x" << plane.size.height;
  return bytes.size();
}

TEST(AlphaCoder, RoundTrips) {
  for (const Size size :
       {Size{1, 1}, Size{2, 1}, Size{1, 7}, Size{3, 3}, Size{17, 5}, Size{64, 64}, Size{200, 1}}) {
    const Size smaller{(size.width + 1) / 2, (size.height + 2) / 3};
    for (const Plane& plane : {disc(size, 1.0), disc(size, 30.0), noise(size, 1)}) {
      expect_round_trip(plane, {});
      expect_round_trip(plane, half(plane, smaller));
      expect_round_trip(plane, plane);
      expect_round_trip(plane, noise(smaller, 5));
      expect_round_trip(plane, Plane({1, 1}, 7));
    }
  }
}

TEST(AlphaCoder, ABlockOfOneValueIsOneByte) {
  for (const int value : {0, 1, 128, 255}) {
    EXPECT_EQ(expect_round_trip(Plane({512, 300}, static_cast<uint8_t>(value)), {}), 1U);
  }
}

// What a decision with an even chance takes is a bit: noise must not take much more than its eight.
TEST(AlphaCoder, SizesAreWhatContextsAllow) {
  const Size size{256, 256};
  EXPECT_LT(expect_round_trip(noise(size, 3), {}), 66'000U * 106 / 100);
  const Plane soft = disc(size, 1.0);
  const size_t alone = expect_round_trip(soft, {});
  const size_t upon = expect_round_trip(soft, half(soft, {128, 128}));
  EXPECT_LT(alone, 900U);  // some 640 pixels lie on its edge
  EXPECT_LT(upon, alone);
  // All but one sample transparent.
  Plane dot({512, 512}, 0);
  dot.row(300)[200] = 255;
  EXPECT_LT(expect_round_trip(dot, {}), 40U);
}

// A decoder of a part has less of the layer below at hand.
TEST(AlphaCoder, NeedsJustWhatLiesBelowTheBlock) {
  const Size size{300, 201}, smaller{131, 77};
  const Plane plane = disc(size, 25.0), under = half(plane, smaller);
  for (const Rect block :
       {Rect{0, 0, 300, 201}, Rect{100, 30, 64, 50}, Rect{299, 200, 1, 1}, Rect{0, 77, 301 - 1, 3}}) {
    const auto bytes = encode_alpha(plane.view().part(block), size, block, below_of(under));
    const Rect held = alpha_below(size, block, smaller);
    ASSERT_LE(held.x + held.width, smaller.width);
    ASSERT_LE(held.y + held.height, smaller.height);
    Plane crop(held.size());
    for (int y = 0; y < held.height; ++y)
      std::copy_n(under.row(held.y + y) + held.x, held.width, crop.row(y));
    Plane decoded(size, 99);
    ASSERT_TRUE(decode_alpha(bytes, size, block, {crop.view(), held, smaller}, decoded.row(block.y) + block.x,
                             size.width)
                    .ok());
    for (int y = 0; y < size.height; ++y) {
      for (int x = 0; x < size.width; ++x) {
        const bool inside =
            x >= block.x && x < block.x + block.width && y >= block.y && y < block.y + block.height;
        ASSERT_EQ(decoded.row(y)[x], inside ? plane.row(y)[x] : 99);
      }
    }
  }
}

// Any bytes decode to something, or are refused; what is left over is.
TEST(AlphaCoder, HostileBytes) {
  const Size size{40, 30};
  const Rect all = whole(size);
  const Plane plane = disc(size, 3.0);
  Plane out(size);
  EXPECT_EQ(decode_alpha({}, size, all, {}, out.samples.data(), size.width).error().code,
            ErrorCode::kDamaged);
  auto bytes = encode_alpha(plane.view(), size, all, {});
  for (size_t length = 1; length < bytes.size(); ++length) {
    (void)decode_alpha(std::span(bytes).first(length), size, all, {}, out.samples.data(), size.width).ok();
  }
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      auto flipped = bytes;
      flipped[at] ^= static_cast<uint8_t>(1 << bit);
      (void)decode_alpha(flipped, size, all, {}, out.samples.data(), size.width).ok();
    }
  }
  bytes.insert(bytes.end(), 8, 1);
  EXPECT_FALSE(decode_alpha(bytes, size, all, {}, out.samples.data(), size.width).ok());
  std::mt19937 random(4);
  for (int round = 0; round < 300; ++round) {
    std::vector<uint8_t> any(random() % 200);
    for (uint8_t& v : any) v = static_cast<uint8_t>(random());
    (void)decode_alpha(any, size, all, below_of(plane), out.samples.data(), size.width).ok();
  }
}

// The bytes of docs/bitstream.md's example: a change of them is a change of the format.
TEST(AlphaCoder, Golden) {
  Plane base({4, 3}), top({8, 6});
  for (int i = 0; i < 12; ++i) base.samples[i] = static_cast<uint8_t>(i % 4 < 2 ? 0 : i < 4 ? 100 : 255);
  for (int i = 0; i < 48; ++i) {
    top.samples[i] = static_cast<uint8_t>(i % 8 < 4 ? 0 : i < 8 ? 60 : i < 16 ? 140 : 255);
  }
  const auto hex = [](const std::vector<uint8_t>& bytes) {
    std::string text;
    for (const uint8_t byte : bytes) {
      text += "0123456789abcdef"[byte >> 4];
      text += "0123456789abcdef"[byte & 15];
    }
    return text;
  };
  EXPECT_EQ(hex(encode_alpha(base.view(), base.size, whole(base.size), {})), "9aae8d69");
  EXPECT_EQ(hex(encode_alpha(top.view(), top.size, whole(top.size), below_of(base))), "e979694606c8692863");
}

TEST(BinaryCoder, AnyProbabilitiesComeBack) {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::pair<bool, uint32_t>> decisions(random() % 400);
    for (auto& [bit, one] : decisions) {
      constexpr uint32_t kExtremes[] = {1, 65535, 32768};
      one = random() % 3 == 0 ? kExtremes[random() % 3] : 1 + random() % 65535;
      bit = random() % 5 == 0 ? random() % 2 == 0 : random() % 65536 < one;
    }
    BinaryWriter writer;
    for (const auto& [bit, one] : decisions) writer.put(bit, one);
    const auto bytes = std::move(writer).finish();
    BinaryReader reader(bytes);
    for (const auto& [bit, one] : decisions) ASSERT_EQ(reader.get(one), bit);
    EXPECT_EQ(reader.left(), 0U);
  }
}

TEST(BitMixer, LogOddsAndProbabilitiesAreInverse) {
  for (int odds = -kMaxLogOdds; odds < kMaxLogOdds; ++odds) {
    ASSERT_LE(probability_of(odds), probability_of(odds + 1));
    const double exact = 65536.0 / (1.0 + std::exp(-odds / 256.0));
    ASSERT_NEAR(probability_of(odds), exact, 0.04 * std::min(exact, 65536.0 - exact) + 1.0);
    ASSERT_EQ(probability_of(odds) + probability_of(-odds), 65536U);
  }
  EXPECT_EQ(probability_of(-kMaxLogOdds), 1U);
  EXPECT_EQ(log_odds_of(2048), 0);
  for (uint32_t p = 1; p < 4096; ++p) {
    ASSERT_LE(log_odds_of(p - 1), log_odds_of(p));
    const auto back = static_cast<double>(probability_of(log_odds_of(p))) / 16.0;
    ASSERT_NEAR(back, p, p > 3 && p < 4093 ? 8.0 : 4096.0);
  }
}

}  // namespace
}  // namespace compass
