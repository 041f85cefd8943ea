#include "eval/results.h"

#include <gtest/gtest.h>

#include <cmath>

namespace compass::eval {
namespace {

Row row(std::string image, std::string codec, std::string setting, uint64_t bytes, double psnr) {
  Row r{.image = std::move(image),
        .codec = std::move(codec),
        .scheme = kOneStream,
        .layout = "1",
        .setting = std::move(setting)};
  r.width = 100;
  r.height = 80;
  r.bytes = r.bytes_total = bytes;
  r.psnr = psnr;
  r.encode_seconds = 0.5;
  r.decode_seconds = 0.25;
  return r;
}

Results sample() {
  Results results;
  for (const char* codec : {"a", "b"}) {
    for (int q = 1; q <= 4; ++q) {
      for (const char* image : {"p.png", "q, r.png"}) {
        const int bytes = (codec[0] == 'a' ? 1000 : 900) * q * q;
        results.rows.push_back(row(image, codec, std::to_string(q), bytes, 30.0 + 2 * q + (image[0] == 'p')));
      }
    }
  }
  return results;
}

TEST(Results, CsvRoundTrip) {
  Results results = sample();
  results.facts["commit"] = "abc = def";
  results.facts["how: a"] = "run {} -x";
  results.failures.push_back({"p.png, c at 3", "crashed\nbadly"});
  results.rows[0].ms_ssim = 0.9876543;
  results.rows[1].psnr = HUGE_VAL;
  results.rows[1].seen.butteraugli = 1.25;
  const std::string text = to_csv(results);
  const Result<Results> back = results_from_csv(text, "t");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->facts, results.facts);
  ASSERT_EQ(back->failures.size(), 1U);
  EXPECT_EQ(back->failures[0].why, "crashed badly");
  ASSERT_EQ(back->rows.size(), results.rows.size());
  EXPECT_EQ(to_csv(*back), text);
  EXPECT_EQ(back->rows[1].image, "q, r.png");
  EXPECT_FALSE(back->rows[1].ms_ssim.has_value());
  EXPECT_EQ(back->rows[1].seen.butteraugli, 1.25);
  EXPECT_FALSE(back->rows[1].seen.ssimulacra);
  EXPECT_FALSE(back->rows[0].seen.butteraugli);
}

TEST(Results, RefusesForeignAndDamagedCsv) {
  EXPECT_FALSE(results_from_csv("a,b\n1,2\n", "t"));
  std::string text = to_csv(sample());
  text.replace(text.find("100,80"), 3, "abc");
  EXPECT_FALSE(results_from_csv(text, "t"));
}

TEST(Results, AddsWhatWasMeasuredElsewhere) {
  Results results = sample();
  results.facts = {{"machine", "one"}, {"grid", "quick"}};
  Results more = sample();
  for (Row& row : more.rows) row.codec += " too";
  more.facts = {{"machine", "two"}, {"grid", "quick"}, {"how: x", "so"}};
  const size_t count = results.rows.size();
  ASSERT_TRUE(add_results(results, more, "more.csv"));
  EXPECT_EQ(results.rows.size(), 2 * count);
  const std::map<std::string, std::string> facts{
      {"machine", "one; two"}, {"grid", "quick"}, {"how: x", "so"}};
  EXPECT_EQ(results.facts, facts);
  EXPECT_EQ(mean_curves(results.rows).size(), 2 * mean_curves(sample().rows).size());
  const Status twice = add_results(results, more, "more.csv");
  ASSERT_FALSE(twice);
  EXPECT_TRUE(twice.error().message.starts_with("more.csv: ")) << twice.error().message;
  for (Row& row : more.rows) {
    row.codec += " again";
    row.image = "another.png";
  }
  EXPECT_FALSE(add_results(results, more, "more.csv"));
}

TEST(Results, MeansOverPictures) {
  const std::vector<Curve> curves = mean_curves(sample().rows);
  ASSERT_EQ(curves.size(), 2U);
  const Curve& a = curves[0];
  EXPECT_EQ(a.key.codec, "a");
  EXPECT_EQ(a.images.size(), 2U);
  ASSERT_EQ(a.points.size(), 4U);
  EXPECT_DOUBLE_EQ(a.points[0].bpp, 1.0);
  EXPECT_DOUBLE_EQ(a.points[0].psnr, 32.5);
  EXPECT_DOUBLE_EQ(a.points[0].encode_seconds_per_mp, 62.5);
  EXPECT_FALSE(a.points[0].ms_ssim.has_value());
}

TEST(Results, PicturesThatMissASettingAreLeftOut) {
  Results results = sample();
  results.rows.erase(results.rows.begin());  // p.png at a's first setting
  const std::vector<Curve> curves = mean_curves(results.rows);
  EXPECT_EQ(curves[0].images, (std::set<std::string>{"q, r.png"}));
  EXPECT_DOUBLE_EQ(curves[0].points[0].psnr, 32.0);
  EXPECT_EQ(curves[1].images.size(), 2U);
}

TEST(Results, BdRateOverTheCommonPictures) {
  Results results = sample();
  const CurveKey a{"a", kOneStream, "1", 0};
  const CurveKey b{"b", kOneStream, "1", 0};
  EXPECT_NEAR(bd_rate_between(results.rows, a, b, Interpolation::kPchip)->value, -10, 1e-9);
  // Without p.png in one codec the other's mean must leave it out too, or the extra decibel would show.
  results.rows.erase(results.rows.begin());
  EXPECT_NEAR(bd_rate_between(results.rows, a, b, Interpolation::kPchip)->value, -10, 1e-9);
  EXPECT_FALSE(bd_rate_between(results.rows, a, {"c", kOneStream, "1", 0}, Interpolation::kPchip));
}

TEST(Results, CeilingsAreNoCurves) {
  Results results = sample();
  for (Row& r : results.rows) r.scheme = kCeiling;
  EXPECT_TRUE(mean_curves(results.rows).empty());
}

}  // namespace
}  // namespace compass::eval
