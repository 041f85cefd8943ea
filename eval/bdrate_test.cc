#include "eval/bdrate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace compass::eval {
namespace {

// The worked example of VCEG-M33, and its values as the ETRO add-in for it (T. Bruylants, example.cpp of
// bjontegaard_cpp) publishes them.
const RdCurve kM33A{{90.33, 27.95}, {181.03, 31.17}, {332.99, 34.44}, {547.79, 38.11}};
const RdCurve kM33B{{127.1719, 29.9286}, {186.14, 32.4165}, {307.2924, 34.7013}, {481.5588, 37.4561}};

TEST(BdRate, CubicOnTheExampleOfVcegM33) {
  EXPECT_NEAR(bd_rate(kM33A, kM33B, Interpolation::kCubic)->value, -13.261773, 1e-6);
  EXPECT_NEAR(bd_quality(kM33A, kM33B, Interpolation::kCubic)->value, 0.800713, 1e-6);
}

// Nine points: the cubic is a least-squares fit. Data and values from the same source ("barb512").
TEST(BdRate, CubicThroughNinePoints) {
  const RdCurve a{{2.99899, 48.6681},  {1.99884, 43.8357},  {1.49673, 41.3982},
                  {0.99707, 38.0124},  {0.745941, 35.5122}, {0.596436, 33.8673},
                  {0.495148, 32.6658}, {0.29425, 29.4505},  {0.244049, 28.484}};
  const RdCurve b{{2.997253, 48.5637}, {1.968292, 43.7318}, {1.472565, 41.2727},
                  {0.994965, 38.0001}, {0.748871, 35.6375}, {0.58902, 33.9057},
                  {0.499176, 32.8318}, {0.296753, 29.6851}, {0.249634, 28.8244}};
  EXPECT_NEAR(bd_quality(a, b, Interpolation::kCubic)->value, 0.072297, 1e-6);
  EXPECT_NEAR(bd_rate(a, b, Interpolation::kCubic)->value, -0.903450, 1e-6);
}

// Rows of the JCT-VC spreadsheet of JCTVC-E137, as quoted with their values by VMAF's tests
// (bd_rate_calculator_test.py); the spreadsheet interpolates piecewise.
TEST(BdRate, PchipOnJctvcE137) {
  EXPECT_NEAR(
      bd_rate({{108048.8736, 43.6471}, {61279.976, 40.3953}, {33905.6656, 37.247}, {18883.6928, 34.2911}},
              {{108061.2784, 43.6768}, {61299.9936, 40.4232}, {33928.7472, 37.2761}, {18910.912, 34.3147}},
              Interpolation::kPchip)
          ->value,
      -0.465215420752807, 1e-9);
  EXPECT_NEAR(
      bd_rate({{40433.8848, 37.5761}, {7622.7456, 35.3756}, {2394.488, 33.8977}, {1017.6184, 32.0603}},
              {{40370.12, 37.5982}, {7587.0024, 35.4025}, {2390.0944, 33.9194}, {1017.0984, 32.0822}},
              Interpolation::kPchip)
          ->value,
      -1.8779823450567612, 1e-9);
}

// numpy.polyfit and scipy.interpolate.PchipInterpolator on the example of the README of FAU-LMS/bjontegaard.
TEST(BdRate, AgreesWithNumpyAndScipy) {
  const RdCurve a{{9487.76, 40.037}, {4593.60, 38.615}, {2486.44, 36.845}, {1358.24, 34.851}};
  const RdCurve b{{9787.80, 40.121}, {4469.00, 38.651}, {2451.52, 36.970}, {1356.24, 34.987}};
  EXPECT_NEAR(bd_rate(a, b, Interpolation::kCubic)->value, -4.420462706, 1e-8);
  EXPECT_NEAR(bd_rate(a, b, Interpolation::kPchip)->value, -4.417485351, 1e-8);
  EXPECT_NEAR(bd_quality(a, b, Interpolation::kCubic)->value, 0.120409419, 1e-8);
  EXPECT_NEAR(bd_quality(a, b, Interpolation::kPchip)->value, 0.119692785, 1e-8);
  EXPECT_NEAR(bd_quality(kM33A, kM33B, Interpolation::kPchip)->value, 0.809132035, 1e-8);
}

// A rate scaled by a constant is that constant; a shifted quality is that shift.
TEST(BdRate, KnownShifts) {
  RdCurve doubled = kM33A;
  RdCurve better = kM33A;
  for (RdPoint& p : doubled) p.rate *= 2;
  for (RdPoint& p : better) p.quality += 0.5;
  for (const Interpolation i : {Interpolation::kCubic, Interpolation::kPchip}) {
    EXPECT_NEAR(bd_rate(kM33A, doubled, i)->value, 100.0, 1e-9);
    EXPECT_NEAR(bd_rate(kM33A, kM33A, i)->value, 0.0, 1e-12);
    EXPECT_NEAR(bd_quality(kM33A, better, i)->value, 0.5, 1e-9);
  }
}

TEST(BdRate, OrderOfPointsDoesNotMatter) {
  const RdCurve reversed(kM33B.rbegin(), kM33B.rend());
  EXPECT_EQ(bd_rate(kM33A, kM33B, Interpolation::kPchip)->value,
            bd_rate(kM33A, reversed, Interpolation::kPchip)->value);
}

TEST(BdRate, ReportsRangeAndOverlap) {
  const Result<BdValue> value = bd_rate(kM33A, kM33B, Interpolation::kCubic);
  EXPECT_DOUBLE_EQ(value->low, 29.9286);
  EXPECT_DOUBLE_EQ(value->high, 37.4561);
  EXPECT_DOUBLE_EQ(value->overlap, 1.0);  // the shorter curve lies wholly inside
}

TEST(BdRate, RefusesTooLittleOverlap) {
  RdCurve far = kM33A;
  for (RdPoint& p : far) p.quality += 9;  // shares 1.16 of 10.16 dB
  const Result<BdValue> value = bd_rate(kM33A, far, Interpolation::kPchip);
  ASSERT_FALSE(value);
  EXPECT_NE(value.error().message.find("overlap in 11 %"), std::string::npos) << value.error().message;
  for (RdPoint& p : far) p.quality += 9;  // apart altogether
  EXPECT_FALSE(bd_rate(kM33A, far, Interpolation::kCubic));
}

TEST(BdRate, RefusesCurvesThatAreNone) {
  const auto refused = [](const RdCurve& bad) {
    return !bd_rate(kM33A, bad, Interpolation::kCubic) && !bd_quality(bad, kM33A, Interpolation::kPchip);
  };
  RdCurve bad = kM33A;
  bad.pop_back();
  EXPECT_TRUE(refused(bad));  // three points
  bad = kM33A;
  bad[1].rate = 0;
  EXPECT_TRUE(refused(bad));
  bad = kM33A;
  bad[1].rate = -5;
  EXPECT_TRUE(refused(bad));
  bad = kM33A;
  bad[2].quality = std::numeric_limits<double>::infinity();  // a lossless point
  EXPECT_TRUE(refused(bad));
  bad = kM33A;
  bad[2].quality = std::nan("");
  EXPECT_TRUE(refused(bad));
  bad = kM33A;
  bad[2].quality = bad[1].quality;  // flat
  EXPECT_TRUE(refused(bad));
  bad = kM33A;
  std::swap(bad[2].quality, bad[1].quality);  // falls
  EXPECT_TRUE(refused(bad));
  bad = kM33A;
  bad[2].rate = bad[1].rate;  // two qualities at one rate
  EXPECT_TRUE(refused(bad));
  EXPECT_TRUE(refused({}));
}

}  // namespace
}  // namespace compass::eval
