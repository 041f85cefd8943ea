#include "image_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace compass::tools {
namespace {

namespace fs = std::filesystem;

class ImageFileTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(start_image_files("image_file_test").ok()); }
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "compass-image-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  std::string put(const std::string& name, const std::string& bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }

  fs::path directory_;
};

Image gradient(Size size) {
  Image image(size);
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      image.row(0, y)[x] = static_cast<float>((x * 5 + y) % 256) / 255.0F;
      image.row(1, y)[x] = static_cast<float>((y * 3) % 256) / 255.0F;
      image.row(2, y)[x] = static_cast<float>((x + 2 * y + 40) % 256) / 255.0F;
    }
  }
  return image;
}

std::vector<uint8_t> rgb8(const Image& image) {
  std::vector<uint8_t> bytes(static_cast<size_t>(image.size().pixels()) * 3);
  to_rgb8(image, bytes);
  return bytes;
}

TEST_F(ImageFileTest, LosslessFormatsKeepEveryPixel) {
  for (const Size size : {Size{1, 1}, Size{1, 77}, Size{301, 3}, Size{130, 97}}) {
    const Image image = gradient(size);
    for (const std::string ending : {"png", "ppm", "tif", "TIFF"}) {
      const std::string name = path("out." + ending);
      const Result<std::string> format = choose_format(name, "");
      ASSERT_TRUE(format.ok());
      Result<OutputFile> file = OutputFile::create(name);
      ASSERT_TRUE(file.ok());
      const Status written = write_image(image, *format, *file);
      ASSERT_TRUE(written.ok()) << written.error().message;
      const Result<Photo> back = read_image(name);
      ASSERT_TRUE(back.ok()) << back.error().message;
      EXPECT_TRUE(back->notes.empty());
      ASSERT_EQ(back->image.size(), size);
      EXPECT_EQ(rgb8(back->image), rgb8(image)) << ending;
    }
  }
}

TEST_F(ImageFileTest, LossyFormatsComeClose) {
  const Image image = gradient({48, 80});
  for (const std::string ending : {"jpg", "webp"}) {
    Result<OutputFile> file = OutputFile::create(path("out." + ending));
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(write_image(image, "." + ending, *file).ok());
    const Result<Photo> back = read_image(path("out." + ending));
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(back->image.size(), image.size());
  }
}

TEST_F(ImageFileTest, GreyBecomesRgb) {
  const Result<Photo> photo = read_image(put("g.pgm", std::string("P5 2 1 255\n") + char(10) + char(200)));
  ASSERT_TRUE(photo.ok()) << photo.error().message;
  EXPECT_EQ(rgb8(photo->image), (std::vector<uint8_t>{10, 10, 10, 200, 200, 200}));
  EXPECT_TRUE(photo->notes.empty());
}

TEST_F(ImageFileTest, SixteenBitsAreRoundedAndSaidSo) {
  // 16-bit samples 0, 128 (0.498 of a step), 129 (0.502), 65535 and 65406, 65407 at the other end.
  const unsigned values[6] = {0, 128, 129, 65535, 65406, 65407};
  std::string bytes = "P6 2 1 65535\n";
  for (const unsigned v : values) bytes += {static_cast<char>(v >> 8), static_cast<char>(v & 255)};
  const std::string name = put("deep.ppm", bytes);
  const Result<Photo> photo = read_image(name);
  ASSERT_TRUE(photo.ok()) << photo.error().message;
  EXPECT_EQ(rgb8(photo->image), (std::vector<uint8_t>{0, 0, 1, 255, 254, 255}));
  ASSERT_EQ(photo->notes.size(), 1U);
  EXPECT_NE(photo->notes[0].find("16-bit"), std::string::npos);
  const Result<Photo> refused = read_image(name, {.strict = true});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kBadFile);
  EXPECT_NE(refused.error().message.find("--strict"), std::string::npos);
}

TEST_F(ImageFileTest, LimitsHoldBeforeDecoding) {
  // A header without its pixels: were anything decoded, it would say "damaged".
  const std::string name = put("huge.ppm", "P6 60000 60000 255\n");
  const Result<Photo> photo = read_image(name, {.max_pixels = 1'000'000});
  ASSERT_FALSE(photo.ok());
  EXPECT_EQ(photo.error().code, ErrorCode::kBadFile);
  EXPECT_NE(photo.error().message.find("60000x60000"), std::string::npos);
}

TEST_F(ImageFileTest, BadInputsHaveTheRightKind) {
  EXPECT_EQ(read_image(path("missing.png")).error().code, ErrorCode::kIo);
  EXPECT_EQ(read_image(directory_.string()).error().code, ErrorCode::kIo);
  EXPECT_EQ(read_image(put("empty.png", "")).error().code, ErrorCode::kBadFile);
  EXPECT_EQ(read_image(put("text.png", "this is no picture at all, really")).error().code,
            ErrorCode::kBadFile);
  EXPECT_EQ(read_image(put("cut.ppm", "P6 9 9 255\nabc")).error().code, ErrorCode::kBadFile);
}

TEST_F(ImageFileTest, FormatsComeFromTheNameOrTheOption) {
  EXPECT_EQ(*choose_format("-", ""), ".ppm");
  EXPECT_EQ(*choose_format("-", "png"), ".png");
  EXPECT_EQ(*choose_format("a.b/c.JPG", ""), ".jpg");
  EXPECT_EQ(*choose_format("noending", "webp"), ".webp");
  for (const char* bad : {"noending", "a.b/c", "x.docx", "x."}) {
    const Result<std::string> format = choose_format(bad, "");
    ASSERT_FALSE(format.ok()) << bad;
    EXPECT_EQ(format.error().code, ErrorCode::kUsage);
  }
  EXPECT_FALSE(choose_format("-", "tiff").ok());
}

}  // namespace
}  // namespace compass::tools
