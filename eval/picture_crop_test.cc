#include "eval/picture_crop.h"

#include <gtest/gtest.h>

namespace compass::eval {
namespace {

TEST(PictureCrop, FindsTheDetail) {
  Picture p({600, 400});
  for (int y = 200; y < 390; ++y) {
    for (int x = 390; x < 580; ++x) p.pixel(y, x)[1] = (x + y) % 2 != 0 ? 255 : 0;
  }
  const Rect r = crop_of(p);
  EXPECT_EQ(r.size(), (Size{kCropSide, kCropSide}));
  EXPECT_NEAR(r.x, 388, 16);
  EXPECT_NEAR(r.y, 200, 16);
  EXPECT_EQ(cut(p, {390, 200, 2, 1}).rgb, (std::vector<uint8_t>{0, 0, 0, 0, 255, 0}));
  EXPECT_EQ(crop_of(Picture({5, 3})).size(), (Size{5, 3}));
}

}  // namespace
}  // namespace compass::eval
