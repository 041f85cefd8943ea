#include "images/exif.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace compass::tools::images {
namespace {

using Bytes = std::vector<uint8_t>;

// Builds blocks; numbers in either byte order.
class Builder {
 public:
  explicit Builder(bool little) : little_(little) {
    bytes_ = little ? Bytes{'I', 'I', 42, 0, 8, 0, 0, 0} : Bytes{'M', 'M', 0, 42, 0, 0, 0, 8};
  }
  void number(uint32_t value, int count) {
    for (int i = 0; i < count; ++i) {
      bytes_.push_back(static_cast<uint8_t>(value >> 8 * (little_ ? i : count - 1 - i)));
    }
  }
  // A value of less than four bytes stands at the start of its field.
  void entry(uint32_t tag, uint32_t type, uint32_t count, uint32_t value) {
    number(tag, 2);
    number(type, 2);
    number(count, 4);
    if (type == 3 && count == 1) {
      number(value, 2);
      number(0, 2);
    } else {
      number(value, 4);
    }
  }
  void text(const std::string& text) { bytes_.insert(bytes_.end(), text.begin(), text.end()); }
  size_t at() const { return bytes_.size(); }
  Bytes take() { return bytes_; }

 private:
  bool little_;
  Bytes bytes_;
};

constexpr uint32_t kShort = 3;
constexpr uint32_t kLong = 4;

// As a camera set to Adobe RGB writes it: a picture of 4000 x 3000, turned, with a thumbnail.
Bytes camera_block(bool little) {
  Builder block(little);
  constexpr uint32_t kFirst = 8;
  constexpr uint32_t kEntries = 6;
  constexpr uint32_t kExif = kFirst + 2 + 12 * kEntries + 4;
  constexpr uint32_t kInterop = kExif + 2 + 12 * 5 + 4;
  constexpr uint32_t kRationals = kInterop + 2 + 12 + 4;
  constexpr uint32_t kThumbnail = kRationals + 16;
  block.number(kEntries, 2);
  block.entry(0x0112, kShort, 1, 6);          // Orientation
  block.entry(0x011A, 5, 1, kRationals);      // XResolution
  block.entry(0x011B, 5, 1, kRationals + 8);  // YResolution
  block.entry(0x0128, kShort, 1, 2);          // ResolutionUnit
  block.entry(0x013E, 5, 2, kRationals);      // WhitePoint
  block.entry(0x8769, kLong, 1, kExif);
  block.number(kThumbnail, 4);
  block.number(5, 2);
  block.entry(0x9214, kShort, 2, 0);       // SubjectArea
  block.entry(0xA001, kShort, 1, 0xFFFF);  // ColorSpace: uncalibrated
  block.entry(0xA002, kLong, 1, 4000);     // PixelXDimension
  block.entry(0xA003, kLong, 1, 3000);     // PixelYDimension
  block.entry(0xA005, kLong, 1, kInterop);
  block.number(0, 4);
  block.number(1, 2);
  block.number(1, 2);  // InteroperabilityIndex
  block.number(2, 2);
  block.number(4, 4);
  block.text(std::string("R03\0", 4));
  block.number(0, 4);
  for (const uint32_t part : {300, 1, 200, 1}) block.number(part, 4);
  block.number(3, 2);
  block.entry(0x0112, kShort, 1, 6);
  block.entry(0x0201, kLong, 1, kThumbnail + 2 + 36 + 4);
  block.entry(0x0202, kLong, 1, 9);
  block.number(0, 4);
  block.text("THUMBNAIL");
  return block.take();
}

bool holds(const Bytes& bytes, const std::string& text) {
  return std::search(bytes.begin(), bytes.end(), text.begin(), text.end()) != bytes.end();
}

// Whether the block holds an entry of these numbers.
bool has_entry(const Bytes& bytes, bool little, uint32_t tag, uint32_t type, uint32_t value) {
  Builder wanted(little);
  wanted.entry(tag, type, 1, value);
  const Bytes entry = wanted.take();
  return std::search(bytes.begin(), bytes.end(), entry.begin() + 8, entry.end()) != bytes.end();
}

TEST(Exif, SaysWhatIsTrueOfAnUprightSrgbPicture) {
  for (const bool little : {false, true}) {
    const Bytes block = true_exif(camera_block(little), {3000, 4000});
    EXPECT_TRUE(has_entry(block, little, 0x0112, kShort, 1));
    EXPECT_FALSE(has_entry(block, little, 0x0112, kShort, 6));
    EXPECT_TRUE(has_entry(block, little, 0xA001, kShort, 1));
    EXPECT_TRUE(has_entry(block, little, 0xA002, kLong, 3000));
    EXPECT_TRUE(has_entry(block, little, 0xA003, kLong, 4000));
    EXPECT_TRUE(says_adobe_rgb(camera_block(little)));
    EXPECT_FALSE(says_adobe_rgb(block));
    EXPECT_TRUE(holds(block, "R98"));
    EXPECT_FALSE(holds(block, "R03"));
    EXPECT_FALSE(holds(block, "THUMBNAIL"));
    EXPECT_LT(block.size(), camera_block(little).size());
    // What was across is down now.
    const std::optional<Density> density = density_of(block);
    ASSERT_TRUE(density);
    EXPECT_NEAR(density->x * 0.0254, 200, 1e-9);
    EXPECT_NEAR(density->y * 0.0254, 300, 1e-9);
    EXPECT_EQ(true_exif(block, {3000, 4000}), block);  // nothing is left to do
  }
}

TEST(Exif, DropsAThumbnailInTheMiddle) {
  // Text behind the thumbnail, which the first directory needs.
  Builder block(true);
  block.number(1, 2);
  block.entry(0x013B, 2, 9, 8 + 18 + 30 + 9);  // Artist
  block.number(26, 4);
  block.number(2, 2);
  block.entry(0x0201, kLong, 1, 56);
  block.entry(0x0202, kLong, 1, 9);
  block.number(0, 4);
  block.text("THUMBNAIL");
  block.text(std::string("A. Person", 9));
  const Bytes made = true_exif(block.take(), {1, 1});
  EXPECT_FALSE(holds(made, "THUMBNAIL"));
  EXPECT_TRUE(holds(made, "A. Person"));
}

TEST(Exif, AddsAResolutionThatItDoesNotState) {
  const Bytes alone = true_exif({}, {10, 10}, Density{11811, 3937});
  const std::optional<Density> density = density_of(alone);
  ASSERT_TRUE(density);
  EXPECT_NEAR(density->x, 11811, 0.5);
  EXPECT_NEAR(density->y, 3937, 0.5);
  EXPECT_TRUE(true_exif({}, {10, 10}).empty());
  // Among others, which stay.
  Builder block(false);
  block.number(2, 2);
  block.entry(0x0112, kShort, 1, 3);
  block.entry(0x8298, 2, 3, 0x61620000);  // Copyright
  block.number(0, 4);
  const Bytes made = true_exif(block.take(), {10, 10}, Density{5000, 5000});
  ASSERT_TRUE(density_of(made));
  EXPECT_NEAR(density_of(made)->x, 5000, 1e-6);
  EXPECT_TRUE(holds(made, "ab"));
  // A block that states one keeps it.
  const Bytes kept = true_exif(camera_block(true), {3000, 4000}, Density{1, 1});
  EXPECT_NEAR(density_of(kept)->y * 0.0254, 300, 1e-9);
}

TEST(Exif, OfNoSenseIsNothing) {
  for (const std::string text : {"", "II*", "Exif\0\0", "XX*\0\10\0\0\0", "II*\0\377\377\377\377"}) {
    EXPECT_TRUE(true_exif(Bytes(text.begin(), text.end()), {1, 1}).empty());
  }
}

TEST(Exif, SurvivesDamage) {
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    Bytes block = camera_block(round % 2 == 0);
    for (unsigned change = random() % 8 + 1; change > 0; --change) {
      // Near each other, small or large: directories that point to themselves, and lengths beyond the end.
      const uint8_t choices[] = {static_cast<uint8_t>(random()), 0, 255, 8, 1};
      block[8 + random() % (block.size() - 8)] = choices[random() % 5];
    }
    if (random() % 4 == 0) block.resize(random() % block.size());
    const Bytes made = true_exif(block, {30, 40}, Density{100, 100});
    EXPECT_LE(made.size(), block.size() + 2 * block.size() + 100);
    density_of(made);
    says_adobe_rgb(block);
  }
}

TEST(Exif, DirectoriesInACircleEnd) {
  Builder block(true);
  block.number(3, 2);
  block.entry(0x8769, kLong, 1, 8);
  block.entry(0x8825, kLong, 1, 8);
  block.entry(0xA005, kLong, 1, 8);
  block.number(8, 4);  // the thumbnail's directory is the first, too
  EXPECT_FALSE(true_exif(block.take(), {1, 1}).empty());
}

}  // namespace
}  // namespace compass::tools::images
