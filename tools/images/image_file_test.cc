#include "common/image_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/image_module.h"
#include "images/vips_handle.h"

namespace compass::tools {
namespace {

namespace fs = std::filesystem;

class ImageFileTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(image_module().ok()); }
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

std::vector<uint8_t> rgb8(const Rgb8Image& image) {
  return {image.samples.begin(), image.samples.end()};
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
      const Result<Notes> written = write_image(image, *format, *file);
      ASSERT_TRUE(written.ok()) << written.error().message;
      const Result<Photo> back = read_image(name);
      ASSERT_TRUE(back.ok()) << back.error().message;
      EXPECT_TRUE(back->notes.empty());
      ASSERT_EQ(back->image.size, size);
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
    EXPECT_EQ(back->image.size, image.size());
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

// A picture made with libvips itself, so that tags and profiles can be attached.
struct Crafted {
  VipsImage* image;
  Crafted(const std::vector<uint8_t>& bytes, Size size, int bands, VipsInterpretation space)
      : image(vips_image_new_from_memory_copy(bytes.data(), bytes.size(), size.width, size.height, bands,
                                              VIPS_FORMAT_UCHAR)) {
    image->Type = space;
  }
  ~Crafted() { g_object_unref(image); }
  Crafted(const Crafted&) = delete;
  Crafted& operator=(const Crafted&) = delete;
  std::string save(const std::string& name) const {
    EXPECT_EQ(vips_image_write_to_file(image, name.c_str(), nullptr), 0) << vips_error_buffer();
    return name;
  }
  void attach_profile(const void* bytes, size_t size) const {
    vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, bytes, size);
  }
  void attach_builtin_profile(const char* name) const {
    VipsBlob* profile = nullptr;
    ASSERT_EQ(vips_profile_load(name, &profile, nullptr), 0);
    attach_profile(profile->area.data, profile->area.length);
    vips_area_unref(&profile->area);
  }
};

TEST_F(ImageFileTest, OrientationIsAppliedOnce) {
  // 3 columns, 2 rows, every pixel different; what Exif says each orientation looks like upright, by number.
  const std::vector<uint8_t> stored = {1, 2, 3, 4, 5, 6};
  struct Case {
    Size size;
    std::vector<uint8_t> pixels;
  };
  const Case upright[8] = {{{3, 2}, {1, 2, 3, 4, 5, 6}}, {{3, 2}, {3, 2, 1, 6, 5, 4}},
                           {{3, 2}, {6, 5, 4, 3, 2, 1}}, {{3, 2}, {4, 5, 6, 1, 2, 3}},
                           {{2, 3}, {1, 4, 2, 5, 3, 6}}, {{2, 3}, {4, 1, 5, 2, 6, 3}},
                           {{2, 3}, {6, 3, 5, 2, 4, 1}}, {{2, 3}, {3, 6, 2, 5, 1, 4}}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Crafted crafted(stored, {3, 2}, 1, VIPS_INTERPRETATION_B_W);
    vips_image_set_int(crafted.image, VIPS_META_ORIENTATION, orientation);
    const Result<Photo> photo = read_image(crafted.save(path("o.tif")));
    ASSERT_TRUE(photo.ok()) << photo.error().message;
    const Case& expected = upright[orientation - 1];
    ASSERT_EQ(photo->image.size, expected.size) << orientation;
    const std::vector<uint8_t> bytes = rgb8(photo->image);
    for (size_t i = 0; i < 6; ++i)
      EXPECT_EQ(bytes[3 * i], expected.pixels[i]) << orientation << ", pixel " << i;
  }
}

TEST_F(ImageFileTest, AlphaIsLaidOverWhiteAndSaidSo) {
  const Crafted crafted({200, 100, 0, 255, 200, 100, 0, 0, 200, 100, 0, 51}, {3, 1}, 4,
                        VIPS_INTERPRETATION_sRGB);
  const std::string name = crafted.save(path("a.png"));
  const Result<Photo> photo = read_image(name);
  ASSERT_TRUE(photo.ok()) << photo.error().message;
  EXPECT_EQ(rgb8(photo->image), (std::vector<uint8_t>{200, 100, 0, 255, 255, 255, 244, 224, 204}));
  ASSERT_EQ(photo->notes.size(), 1U);
  EXPECT_NE(photo->notes[0].find("alpha"), std::string::npos);
  EXPECT_EQ(read_image(name, {.strict = true}).error().code, ErrorCode::kBadFile);
}

TEST_F(ImageFileTest, ProfilesBecomeSrgb) {
  const std::vector<uint8_t> colours = {200, 60, 60, 10, 128, 250, 128, 128, 128};
  const Crafted wide(colours, {3, 1}, 3, VIPS_INTERPRETATION_sRGB);
  wide.attach_builtin_profile("p3");
  const Result<Photo> photo = read_image(wide.save(path("p3.png")));
  ASSERT_TRUE(photo.ok()) << photo.error().message;
  EXPECT_TRUE(photo->notes.empty());
  const std::vector<uint8_t> bytes = rgb8(photo->image);
  EXPECT_GT(bytes[0], 210);  // the same red has a larger number in the smaller space
  EXPECT_LT(bytes[1], 50);
  for (int i = 6; i < 9; ++i) EXPECT_NEAR(bytes[i], 128, 1);  // grey stays grey

  // sRGB by any name is left alone, to the bit.
  const Crafted plain(colours, {3, 1}, 3, VIPS_INTERPRETATION_sRGB);
  plain.attach_builtin_profile("srgb");
  const Result<Photo> same = read_image(plain.save(path("srgb.png")));
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(rgb8(same->image), colours);
}

TEST_F(ImageFileTest, ABrokenProfileIsSaidSo) {
  const std::vector<uint8_t> colours = {200, 60, 60, 10, 128, 250};
  const Crafted crafted(colours, {2, 1}, 3, VIPS_INTERPRETATION_sRGB);
  // Broken in the file: libvips 8.16 does not write a profile that it cannot read.
  crafted.attach_builtin_profile("p3");
  const std::string broken = crafted.save(path("broken.tif"));
  std::fstream file(broken, std::ios::in | std::ios::out | std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  file.seekp(static_cast<std::streamoff>(bytes.find("acsp")));
  file << "none";
  file.close();
  const Result<Photo> photo = read_image(broken);
  ASSERT_TRUE(photo.ok()) << photo.error().message;
  EXPECT_EQ(rgb8(photo->image), colours);
  ASSERT_EQ(photo->notes.size(), 1U);
  EXPECT_NE(photo->notes[0].find("profile"), std::string::npos);
}

TEST_F(ImageFileTest, CmykBecomesRgb) {
  // No ink; all of each ink alone.
  const Crafted crafted({0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255}, {3, 1}, 4, VIPS_INTERPRETATION_CMYK);
  const Result<Photo> photo = read_image(crafted.save(path("cmyk.tif")));
  ASSERT_TRUE(photo.ok()) << photo.error().message;
  const std::vector<uint8_t> bytes = rgb8(photo->image);
  for (int i = 0; i < 3; ++i) EXPECT_GT(bytes[i], 245);  // paper
  EXPECT_LT(bytes[3], 60);                               // cyan holds no red
  EXPECT_GT(bytes[5], 150);
  for (int i = 6; i < 9; ++i) EXPECT_LT(bytes[i], 70);  // black
}

TEST_F(ImageFileTest, DamagedPicturesAreRefused) {
  const Image image = gradient({200, 200});
  for (const std::string ending : {"png", "jpg", "tif"}) {
    const std::string name = path("whole." + ending);
    Result<OutputFile> file = OutputFile::create(name);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(write_image(image, "." + ending, *file).ok());
    fs::resize_file(name, fs::file_size(name) / 2);
    const Result<Photo> photo = read_image(name);
    ASSERT_FALSE(photo.ok()) << ending;
    EXPECT_EQ(photo.error().code, ErrorCode::kBadFile) << ending;
  }
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
  EXPECT_EQ(*choose_format("-", "tiff"), ".tiff");
  EXPECT_EQ(*choose_format("/dev/fd/1", ""), ".ppm");
  EXPECT_EQ(*choose_format("/dev/null", ""), ".ppm");
}

}  // namespace
}  // namespace compass::tools
