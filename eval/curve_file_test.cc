#include "eval/curve_file.h"

#include <gtest/gtest.h>

namespace compass::eval {
namespace {

CsvTable table(const char* text) {
  return *parse_csv(text, "t");
}

TEST(CurveFile, FindsTheUsualColumns) {
  const Result<RdCurve> c = curve_from(table("quality,bpp,psnr_rgb\n1,0.5,30\n2,1,33\n"), {}, "t");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(*c, (RdCurve{{0.5, 30}, {1, 33}}));
}

TEST(CurveFile, ColumnsAndRowsByName) {
  const CsvTable t = table("codec,kB,ssim\na,1,0.5\nb,2,0.6\na,3,0.7\n");
  const Result<RdCurve> c = curve_from(t, {"kB", "ssim", {"codec=a"}}, "t");
  ASSERT_TRUE(c) << c.error().message;
  EXPECT_EQ(*c, (RdCurve{{1, 0.5}, {3, 0.7}}));
  EXPECT_FALSE(curve_from(t, {}, "t"));
  EXPECT_FALSE(curve_from(t, {"kB", "nothing", {}}, "t"));
  EXPECT_FALSE(curve_from(t, {"kB", "ssim", {"codec=z"}}, "t"));
  EXPECT_FALSE(curve_from(t, {"kB", "ssim", {"codec"}}, "t"));
  EXPECT_FALSE(curve_from(t, {"codec", "ssim", {}}, "t"));
}

TEST(CurveFile, MeansOverPicturesPerSetting) {
  const CsvTable t = table("image,setting,bpp,psnr_db\np,1,1,30\nq,1,3,32\np,2,4,40\nq,2,6,44\n");
  EXPECT_EQ(*curve_from(t, {}, "t"), (RdCurve{{2, 31}, {5, 42}}));
}

}  // namespace
}  // namespace compass::eval
