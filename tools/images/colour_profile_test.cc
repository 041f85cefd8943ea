#include "images/colour_profile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <vector>

namespace compass::tools::images {
namespace {

constexpr Primaries kP3{{0.68, 0.32}, {0.265, 0.69}, {0.15, 0.06}, {0.3127, 0.3290}};

// An RGB or grey profile whose curve is a table, as libjxl's are.
Profile tabulated(ColourModel model, const std::function<double(double)>& light) {
  std::vector<uint16_t> table;
  for (int i = 0; i < 4096; ++i) {
    table.push_back(static_cast<uint16_t>(std::lround(65535 * std::clamp(light(i / 4095.0), 0.0, 1.0))));
  }
  cmsToneCurve* const curve = cmsBuildTabulatedToneCurve16(nullptr, table.size(), table.data());
  const std::array<cmsToneCurve*, 3> curves{curve, curve, curve};
  const cmsCIExyYTRIPLE corners{{0.708, 0.292, 1}, {0.170, 0.797, 1}, {0.131, 0.046, 1}};
  const cmsCIExyY white{0.3127, 0.3290, 1};
  Profile profile(model == ColourModel::kGrey ? cmsCreateGrayProfile(&white, curve)
                                              : cmsCreateRGBProfile(&white, &corners, curves.data()));
  cmsFreeToneCurve(curve);
  return profile;
}

double pq(double v) {
  const double p = std::pow(v, 32.0 / 2523);
  return std::pow(std::max(p - 3424.0 / 4096, 0.0) / (2413.0 / 128 - 2392.0 / 128 * p), 16384.0 / 2610);
}

double hlg(double v) {
  constexpr double a = 0.17883277;
  constexpr double b = 1 - 4 * a;
  const double c = 0.5 - a * std::log(4 * a);
  return v <= 0.5 ? v * v / 3 : (std::exp((v - c) / a) + b) / 12;
}

TEST(ColourProfile, HdrCurvesAreKnownByTheirShape) {
  for (const ColourModel model : {ColourModel::kRgb, ColourModel::kGrey}) {
    EXPECT_TRUE(is_hdr(tabulated(model, pq)));
    EXPECT_TRUE(is_hdr(tabulated(model, hlg)));
    EXPECT_TRUE(is_hdr(tabulated(model, [](double v) { return std::pow(hlg(v), 1.2); })));
    for (const double gamma : {0.5, 1.0, 1.8, 2.2, 2.4, 2.6, 2.8, 3.0, 4.0}) {
      EXPECT_FALSE(is_hdr(profile_of_gamma(model, gamma, srgb_primaries()))) << gamma;
    }
    for (const int transfer : {1, 4, 5, 7, 8, 13}) {
      EXPECT_FALSE(is_hdr(profile_of_code_points(model, {9, transfer}))) << transfer;
    }
  }
}

TEST(ColourProfile, SrgbByAnyNameChangesNothing) {
  for (const ColourModel model : {ColourModel::kRgb, ColourModel::kGrey}) {
    EXPECT_TRUE(changes_nothing(to_srgb(profile_of_code_points(model, {1, 13}), model, 8), model));
    EXPECT_TRUE(changes_nothing(to_srgb(profile_of_code_points(model, {2, 2}), model, 8), model));
    EXPECT_FALSE(changes_nothing(to_srgb(profile_of_code_points(model, {1, 8}), model, 8), model));
  }
  const Transform wide = to_srgb(profile_of_primaries(ColourModel::kRgb, kP3), ColourModel::kRgb, 8);
  EXPECT_FALSE(changes_nothing(wide, ColourModel::kRgb));
  // Greys are the same in all of these.
  EXPECT_TRUE(changes_nothing(to_srgb(profile_of_primaries(ColourModel::kGrey, kP3), ColourModel::kGrey, 8),
                              ColourModel::kGrey));
}

TEST(ColourProfile, EightAndSixteenBitsAgree) {
  for (const int transfer : {1, 4, 5, 7, 8, 13}) {
    const Profile profile = profile_of_code_points(ColourModel::kRgb, {12, transfer});
    const Transform shallow = to_srgb(profile, ColourModel::kRgb, 8);
    const Transform deep = to_srgb(profile, ColourModel::kRgb, 16);
    for (int i = 0; i < 4096; ++i) {
      const std::array<int, 3> levels{i % 16 * 17, i / 16 % 16 * 17, i / 256 * 17};
      std::array<uint8_t, 3> in8{};
      std::array<uint16_t, 3> in16{};
      for (int c = 0; c < 3; ++c) {
        in8[c] = static_cast<uint8_t>(levels[c]);
        in16[c] = static_cast<uint16_t>(levels[c] * 257);
      }
      std::array<uint8_t, 3> out8{};
      std::array<uint16_t, 3> out16{};
      cmsDoTransform(shallow.get(), in8.data(), out8.data(), 1);
      cmsDoTransform(deep.get(), in16.data(), out16.data(), 1);
      for (int c = 0; c < 3; ++c) ASSERT_NEAR(out8[c], out16[c] / 257.0, 1.2) << transfer << ' ' << i;
    }
  }
}

TEST(ColourProfile, WhatIsNoneIsNull) {
  EXPECT_EQ(open_profile({}), nullptr);
  const std::vector<uint8_t> garbage(500, 'x');
  EXPECT_EQ(open_profile(garbage), nullptr);
  EXPECT_EQ(profile_of_code_points(ColourModel::kRgb, {3, 13}), nullptr);
  EXPECT_EQ(profile_of_code_points(ColourModel::kRgb, {1, 16}), nullptr);
  EXPECT_EQ(profile_of_code_points(ColourModel::kCmyk, {1, 13}), nullptr);
}

}  // namespace
}  // namespace compass::tools::images
