#include "eval/picture_file.h"

#include <gtest/gtest.h>

#include "eval/process.h"

namespace compass::eval {
namespace {

Picture ramp(Size size) {
  Picture p(size);
  for (size_t i = 0; i < p.rgb.size(); ++i) p.rgb[i] = static_cast<uint8_t>(i * 7);
  return p;
}

class PictureFileTest : public ::testing::Test {
 protected:
  Workspace workspace_ = std::move(*Workspace::create());
  std::string path_ = workspace_.file("a.ppm");
};

TEST_F(PictureFileTest, PpmRoundTripOfOddSizes) {
  for (const Size size : {Size{1, 1}, Size{7, 3}, Size{1, 9}}) {
    ASSERT_TRUE(write_ppm(ramp(size), path_));
    const Result<Picture> back = read_ppm(path_);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, ramp(size));
  }
}

TEST_F(PictureFileTest, NamesTheFileThatIsNoPpm) {
  ASSERT_TRUE(write_file(path_, std::string("P6\n2 2\n255\nabc")));
  const Result<Picture> cut = read_ppm(path_);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().message.rfind(path_ + ": ", 0), 0U) << cut.error().message;
  EXPECT_FALSE(read_ppm("/no/such/file.ppm"));
}

TEST(Pyramid, SizesAndIdentityAtTheTop) {
  const Picture p = ramp({13, 9});
  const std::vector<Picture> layers = pyramid_of(p, {{3, 2}, {6, 4}, {13, 9}});
  ASSERT_EQ(layers.size(), 3U);
  EXPECT_EQ(layers[0].size, (Size{3, 2}));
  EXPECT_EQ(layers[1].size, (Size{6, 4}));
  EXPECT_EQ(layers[2], p);
}

TEST(ContentHash, DependsOnSizeAndSamples) {
  Picture a = ramp({4, 3});
  Picture b = a;
  EXPECT_EQ(content_hash(a), content_hash(b));
  b.rgb[5] ^= 1;
  EXPECT_NE(content_hash(a), content_hash(b));
  b = a;
  b.size = {3, 4};
  EXPECT_NE(content_hash(a), content_hash(b));
}

}  // namespace
}  // namespace compass::eval
