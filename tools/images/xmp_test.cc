#include "images/xmp.h"

#include <gtest/gtest.h>

#include <string>

#include "images/iptc.h"

namespace compass::tools::images {
namespace {

std::string corrected(const std::string& packet) {
  const std::vector<uint8_t> bytes(packet.begin(), packet.end());
  const std::vector<uint8_t> made = true_xmp(bytes, {30, 40});
  return {made.begin(), made.end()};
}

constexpr const char* kTiff = "http://ns.adobe.com/tiff/1.0/";
constexpr const char* kExif = "http://ns.adobe.com/exif/1.0/";

TEST(Xmp, AttributesAndElementsAreCorrected) {
  const std::string spaces = std::string(" xmlns:tiff=\"") + kTiff + "\" xmlns:exif='" + kExif + "'";
  EXPECT_EQ(corrected("<d" + spaces + " tiff:Orientation=\"6\" exif:ColorSpace = '65535' tiff:Make='6'/>"),
            "<d" + spaces + " tiff:Orientation=\"1\" exif:ColorSpace = '1' tiff:Make='6'/>");
  EXPECT_EQ(corrected("<d" + spaces +
                      "><tiff:Orientation>8</tiff:Orientation>\n<tiff:ImageWidth>9</tiff:ImageWidth>"
                      "<exif:PixelYDimension a='b'>9</exif:PixelYDimension></d>"),
            "<d" + spaces +
                "><tiff:Orientation>1</tiff:Orientation>\n<tiff:ImageWidth>30</tiff:ImageWidth>"
                "<exif:PixelYDimension a='b'>40</exif:PixelYDimension></d>");
  const std::string other = std::string("<d xmlns:t=\"") + kTiff + "\" ";
  EXPECT_EQ(corrected(other + "t:Orientation=\"3\"/>"), other + "t:Orientation=\"1\"/>");
}

TEST(Xmp, WhatIsNotMeantStays) {
  for (const std::string& packet : {std::string("<d tiff:Orientation=\"6\"/>"), std::string(""),
                                    std::string("<d xmlns:tiff=\"") + kTiff +
                                        "\" tiff:OrientationHint=\"6\" x=\"see tiff:Orientation\"/>",
                                    std::string("<d xmlns:tiff=\"") + kTiff + "\" tiff:Orientation=\"6"}) {
    EXPECT_EQ(corrected(packet), packet);
  }
}

TEST(Xmp, ThumbnailsGo) {
  const std::string start = "<d xmlns:xmp='http://ns.adobe.com/xap/1.0/'>";
  EXPECT_EQ(
      corrected(start +
                "<xmp:Thumbnails><rdf:Alt>AAAA</rdf:Alt></xmp:Thumbnails><xmp:Rating>5</xmp:Rating></d>"),
      start + "<xmp:Rating>5</xmp:Rating></d>");
}

TEST(Xmp, LargeHostilePacketsTakeNoTime) {
  std::string packet =
      std::string("<d xmlns:tiff=\"") + kTiff + "\" xmlns:xmp='http://ns.adobe.com/xap/1.0/'";
  for (int i = 0; i < 200000; ++i) packet += " tiff:Orientation=\"6\" <xmp:Thumbnails>";
  EXPECT_EQ(corrected(packet).find("\"6\""), std::string::npos);
}

TEST(Xmp, WiderLettersAreRefused) {
  EXPECT_EQ(corrected(std::string("<\0d\0", 4)), "");
}

TEST(Iptc, RecordsAreFoundInPhotoshopsResources) {
  const std::vector<uint8_t> records{0x1C, 2, 25, 0, 3, 'k', 'w', '1', 0x1C};
  EXPECT_EQ(iptc_records(records), records);
  const std::vector<uint8_t> segment = photoshop_segment(records);
  EXPECT_EQ(iptc_records(segment), records);
  // Behind another resource with a name and an odd length.
  std::vector<uint8_t> resources{'8', 'B', 'I', 'M', 4, 9, 2, 'a', 'b', 0, 0, 0, 0, 1, 'x', 0};
  const std::vector<uint8_t> own = photoshop_resources(records);
  resources.insert(resources.end(), own.begin(), own.end());
  EXPECT_EQ(iptc_records(resources), records);
  for (size_t size = 0; size < resources.size() - 1; ++size) {
    EXPECT_TRUE(iptc_records(std::span(resources).first(size)).empty()) << size;
  }
}

}  // namespace
}  // namespace compass::tools::images
