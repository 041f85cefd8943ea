#include "image/image.h"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>
#include <vector>

namespace compass {
namespace {

TEST(Image, EveryByteSurvivesTheRoundTrip) {
  std::vector<uint8_t> bytes(256 * 3);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7);  // every value, 7 is odd
  const Image image = from_rgb8(bytes, {32, 8});
  std::vector<uint8_t> back(bytes.size());
  to_rgb8(image, back);
  EXPECT_EQ(back, bytes);
}

TEST(Image, PlanesAreRedGreenBlue) {
  const std::vector<uint8_t> bytes = {255, 0, 51, 0, 102, 255};
  const Image image = from_rgb8(bytes, {2, 1});
  EXPECT_EQ(image.row(0, 0)[0], 1.0F);
  EXPECT_EQ(image.row(1, 0)[1], 102.0F / 255.0F);
  EXPECT_EQ(image.row(2, 0)[0], 51.0F / 255.0F);
}

TEST(Image, ToBytesClampsAndRoundsHalfUp) {
  Image image({7, 1});
  const float values[7] = {-0.5F,
                           1.5F,
                           std::numeric_limits<float>::quiet_NaN(),
                           std::numeric_limits<float>::infinity(),
                           -std::numeric_limits<float>::infinity(),
                           0.5F,   // 127.5
                           0.1F};  // 25.5 and a little
  std::copy(values, values + 7, image.row(2, 0));
  std::vector<uint8_t> bytes(21);
  to_rgb8(image, bytes);
  const std::vector<uint8_t> blue = {bytes[2],  bytes[5],  bytes[8], bytes[11],
                                     bytes[14], bytes[17], bytes[20]};
  EXPECT_EQ(blue, (std::vector<uint8_t>{0, 255, 0, 255, 0, 128, 26}));
}

TEST(Image, PartsEqualTheWhole) {
  std::vector<uint8_t> bytes(5 * 4 * 3);
  std::iota(bytes.begin(), bytes.end(), uint8_t{3});
  Image image({5, 4});
  for (int y = 0; y < 4; ++y) from_rgb8_row(std::span(bytes).subspan(y * 15, 15), image, y);
  std::vector<uint8_t> part(2 * 3 * 3);
  to_rgb8(image, {2, 1, 2, 3}, part);
  for (int y = 0; y < 3; ++y) {
    for (int i = 0; i < 6; ++i) EXPECT_EQ(part[y * 6 + i], bytes[(1 + y) * 15 + 6 + i]);
  }
}

}  // namespace
}  // namespace compass
