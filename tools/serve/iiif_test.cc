#include "serve/iiif.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace compass::tools::serve {
namespace {

constexpr Size kFull{6000, 4000};

Result<Rendering> parse(const std::string& region, const std::string& size, const std::string& rotation = "0",
                        const std::string& file = "default.jpg") {
  const std::vector<std::string> parts{region, size, rotation, file};
  return parse_iiif(parts, kFull);
}

void expect(const Result<Rendering>& got, Rect region, Size size) {
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->region, region) << got->region.x << "," << got->region.y << "," << got->region.width << ","
                                 << got->region.height;
  EXPECT_EQ(got->size, size) << got->size.width << "x" << got->size.height;
}

TEST(Iiif, RegionsAndSizes) {
  const Rect all = whole(kFull);
  expect(parse("full", "max"), all, kFull);
  expect(parse("full", "600,"), all, {600, 400});
  expect(parse("full", ",400"), all, {600, 400});
  expect(parse("full", "100,300"), all, {100, 300});
  expect(parse("full", "!600,600"), all, {600, 400});
  expect(parse("full", "!9000,100"), all, {150, 100});
  expect(parse("full", "pct:10"), all, {600, 400});
  expect(parse("full", "pct:0.5"), all, {30, 20});
  expect(parse("square", "max"), {1000, 0, 4000, 4000}, {4000, 4000});
  expect(parse("100,200,300,400", "max"), {100, 200, 300, 400}, {300, 400});
  expect(parse("100,200,300,400", "150,"), {100, 200, 300, 400}, {150, 200});
  expect(parse("pct:50,50,25,25", "max"), {3000, 2000, 1500, 1000}, {1500, 1000});
  // What lies beyond the edge is cut off.
  expect(parse("5900,3900,500,500", "max"), {5900, 3900, 100, 100}, {100, 100});
  // No side becomes nothing.
  expect(parse("0,0,6000,1", "1,"), {0, 0, 6000, 1}, {1, 1});
}

TEST(Iiif, QualitiesAndFormats) {
  EXPECT_TRUE(parse("full", "600,", "0", "gray.png")->grey);
  EXPECT_EQ(parse("full", "600,", "0", "gray.png")->format, ".png");
  EXPECT_FALSE(parse("full", "600,", "0", "color.webp")->grey);
  EXPECT_TRUE(parse("full", "600,", "360"));
}

TEST(Iiif, WhatIsWrongAndWhatIsNotOffered) {
  for (const char* region :
       {"", "half", "1,2,3", "1,2,3,4,5", "a,b,c,d", "-1,0,5,5", "0,0,0,5", "6000,0,5,5", "1e3,0,5,5",
        "0,0,99999999999,5", "pct:101,0,5,5", "pct:0,0,0,5", "0.5,0,5,5", ",,,"}) {
    const auto got = parse(region, "max");
    ASSERT_FALSE(got) << region;
    EXPECT_EQ(got.error().code, ErrorCode::kUsage) << region;
  }
  for (const char* size :
       {"", "full", "0,", ",0", ",", "!5,", "-5,", "7000,", "pct:0", "pct:101", "pct:", "5", "5,5,5"}) {
    const auto got = parse("full", size);
    ASSERT_FALSE(got) << size;
    EXPECT_EQ(got.error().code, ErrorCode::kUsage) << size;
  }
  EXPECT_EQ(parse("full", "^max").error().code, ErrorCode::kFailure);
  EXPECT_EQ(parse("full", "max", "90").error().code, ErrorCode::kFailure);
  EXPECT_EQ(parse("full", "max", "!0").error().code, ErrorCode::kFailure);
  EXPECT_EQ(parse("full", "max", "361").error().code, ErrorCode::kUsage);
  EXPECT_EQ(parse("full", "max", "0", "bitonal.jpg").error().code, ErrorCode::kFailure);
  EXPECT_EQ(parse("full", "max", "0", "default.tif").error().code, ErrorCode::kFailure);
  EXPECT_EQ(parse("full", "max", "0", "default.exe").error().code, ErrorCode::kUsage);
  EXPECT_EQ(parse("full", "max", "0", "default").error().code, ErrorCode::kUsage);
  EXPECT_EQ(parse("full", "max", "0", "best.jpg").error().code, ErrorCode::kUsage);
}

TEST(Iiif, MaxStaysWithinTheLimit) {
  const std::vector<std::string> parts{"full", "max", "0", "default.jpg"};
  const auto got = parse_iiif(parts, {20000, 10000});
  ASSERT_TRUE(got);
  EXPECT_LE(got->size.pixels(), kMaxAnswerPixels);
  EXPECT_GT(got->size.pixels(), kMaxAnswerPixels * 99 / 100);
}

// Every tile that the document promises can be asked for.
TEST(Iiif, TilesOfTheDocumentAreRequests) {
  for (const Size full : {Size{6000, 4000}, Size{1, 1}, Size{513, 7}, Size{5001, 1023}}) {
    const std::vector<Size> layers{{1, 1}, full};
    const auto info = nlohmann::json::parse(iiif_info("http://x/iiif/3/a", layers));
    EXPECT_EQ(info["width"], full.width);
    EXPECT_EQ(info["sizes"].size(), 2U);
    const int side = info["tiles"][0]["width"];
    for (const int factor : info["tiles"][0]["scaleFactors"]) {
      for (int y = 0; y < full.height; y += side * factor) {
        for (int x = 0; x < full.width; x += side * factor) {
          const int width = std::min(side * factor, full.width - x),
                    height = std::min(side * factor, full.height - y);
          const auto text = [](int a, int b) { return std::to_string(a) + ',' + std::to_string(b); };
          const std::vector<std::string> parts{
              text(x, y) + ',' + text(width, height),
              text((width + factor - 1) / factor, (height + factor - 1) / factor), "0", "default.jpg"};
          EXPECT_TRUE(parse_iiif(parts, full)) << parts[0] << " " << parts[1];
        }
      }
    }
  }
}

}  // namespace
}  // namespace compass::tools::serve
