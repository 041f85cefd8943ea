#include "bitstream/quality_map.h"

#include <gtest/gtest.h>

#include <random>

namespace compass {
namespace {

// A map of a layer's squares with a rectangle of them at `offset`.
QualityMap with_rectangle(Size layer, Rect part, int offset) {
  const Size squares = quality_squares(layer);
  QualityMap map{std::vector<int8_t>(static_cast<size_t>(squares.pixels()))};
  for (int y = part.y; y < part.y + part.height; ++y) {
    for (int x = part.x; x < part.x + part.width; ++x)
      map.offsets[y * squares.width + x] = static_cast<int8_t>(offset);
  }
  return map;
}

std::vector<uint8_t> bytes_of(const QualityMap& map, Size layer) {
  const auto bytes = serialise_quality_map(map, layer);
  EXPECT_TRUE(bytes) << bytes.error().message;
  return bytes ? *bytes : std::vector<uint8_t>{};
}

TEST(QualityMap, ComesBack) {
  std::mt19937 random(3);
  for (const Size layer :
       {Size{1, 1}, Size{64, 64}, Size{65, 1}, Size{1, 640}, Size{768, 512}, Size{1000, 777}}) {
    for (const int spread : {1, 5, 200}) {
      QualityMap map{std::vector<int8_t>(static_cast<size_t>(quality_squares(layer).pixels()))};
      for (int8_t& offset : map.offsets)
        offset = static_cast<int8_t>(static_cast<int>(random() % (spread + 1)) - spread / 2);
      map.offsets.front() = kMaxQualityOffset;
      map.offsets.back() = -kMaxQualityOffset;
      const auto bytes = bytes_of(map, layer);
      EXPECT_LE(bytes.size(), max_quality_map_bytes(layer));
      const auto parsed = parse_quality_map(bytes, layer);
      ASSERT_TRUE(parsed) << parsed.error().message;
      EXPECT_EQ(*parsed, map);
    }
  }
}

TEST(QualityMap, NothingCostsNothing) {
  EXPECT_TRUE(bytes_of({}, {768, 512}).empty());
  EXPECT_TRUE(bytes_of(with_rectangle({768, 512}, {}, 0), {768, 512}).empty());
  const auto none = parse_quality_map({}, {768, 512});
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
}

// Only the corners of a rectangle are news.
TEST(QualityMap, ARectangleTakesAFewBytes) {
  EXPECT_LE(bytes_of(with_rectangle({768, 512}, {3, 2, 5, 4}, 30), {768, 512}).size(), 12U);
  EXPECT_LE(bytes_of(with_rectangle({16000, 12000}, {100, 70, 90, 80}, 30), {16000, 12000}).size(), 20U);
}

// The example of docs/bitstream.md.
TEST(QualityMap, EqualsTheSpecificationsExample) {
  const QualityMap map{{0, 0, 3, 0, 0, 3}};
  EXPECT_EQ(bytes_of(map, {192, 128}), (std::vector<uint8_t>{0x51, 0x09}));
}

TEST(QualityMap, WrongMapsAreRefused) {
  EXPECT_EQ(serialise_quality_map({{1, 2}}, {64, 64}).error().code, ErrorCode::kUsage);
  EXPECT_EQ(serialise_quality_map({{101}}, {64, 64}).error().code, ErrorCode::kUsage);
  EXPECT_EQ(serialise_quality_map({{-128}}, {64, 64}).error().code, ErrorCode::kUsage);
}

// Every prefix, every flipped bit, and noise: a map of the right size, or an error. What is accepted is what
// an encoder writes.
TEST(QualityMap, DamagedBytesAreRefusedOrAreAMap) {
  const Size layer{300, 200};
  const auto good = bytes_of(with_rectangle(layer, {1, 1, 3, 2}, -40), layer);
  const auto try_bytes = [&](const std::vector<uint8_t>& bytes) {
    const auto parsed = parse_quality_map(bytes, layer);
    if (!parsed) {
      EXPECT_EQ(parsed.error().code, ErrorCode::kBadFile);
      return;
    }
    if (bytes.empty()) return;
    EXPECT_EQ(static_cast<int64_t>(parsed->offsets.size()), quality_squares(layer).pixels());
    EXPECT_EQ(bytes_of(*parsed, layer), bytes);
  };
  for (size_t n = 0; n < good.size(); ++n)
    try_bytes({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n)});
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    auto flipped = good;
    flipped[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    try_bytes(flipped);
  }
  std::mt19937 random(5);
  for (int n = 0; n < 20000; ++n) {
    std::vector<uint8_t> noise(1 + random() % 12);
    for (uint8_t& byte : noise) byte = static_cast<uint8_t>(random());
    try_bytes(noise);
  }
  try_bytes(std::vector<uint8_t>(100, 0xFF));
}

}  // namespace
}  // namespace compass
