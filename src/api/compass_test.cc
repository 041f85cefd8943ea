#include "compass/compass.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace {

const std::string kModel = COMPASS_SOURCE_DIR "/tests/data/tiny.safetensors";

// A loaded model, an encoder and a decoder on one thread.
class Api : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(compass_model_load(kModel.c_str(), &model_, &error_), COMPASS_OK) << error_.message;
    compass_options options;
    compass_options_init(&options);
    options.threads = 1;
    ASSERT_EQ(compass_encoder_create(model_, &options, &encoder_, &error_), COMPASS_OK) << error_.message;
    ASSERT_EQ(compass_decoder_create(model_, &options, &decoder_, &error_), COMPASS_OK) << error_.message;
  }
  void TearDown() override {
    compass_encoder_free(encoder_);
    compass_decoder_free(decoder_);
    compass_model_free(model_);
  }

  std::vector<uint8_t> encoded(int width, int height) {
    std::vector<uint8_t> rgb(static_cast<size_t>(width) * height * 3);
    for (size_t i = 0; i < rgb.size(); ++i) rgb[i] = static_cast<uint8_t>(i * 7 % 253);
    compass_bytes file;
    EXPECT_EQ(compass_encode(encoder_, rgb.data(), width, height, static_cast<size_t>(width) * 3, nullptr,
                             &file, &error_),
              COMPASS_OK)
        << error_.message;
    std::vector<uint8_t> bytes(file.data, file.data + file.size);
    compass_bytes_free(&file);
    EXPECT_EQ(file.data, nullptr);
    return bytes;
  }

  compass_error error_{};
  compass_model* model_ = nullptr;
  compass_encoder* encoder_ = nullptr;
  compass_decoder* decoder_ = nullptr;
};

TEST_F(Api, RoundTrip) {
  const std::vector<uint8_t> file = encoded(41, 27);
  compass_info info;
  ASSERT_EQ(compass_read_info(file.data(), file.size(), &info, &error_), COMPASS_OK) << error_.message;
  ASSERT_EQ(info.layer_count, 3);
  EXPECT_EQ(info.layers[0].width, 10);
  EXPECT_EQ(info.layers[0].height, 6);
  EXPECT_EQ(info.layers[2].end, file.size());
  uint8_t id[8];
  compass_model_id(model_, id);
  EXPECT_EQ(std::memcmp(id, info.model_tag, 4), 0);
  for (int k = -1; k < 3; ++k) {
    compass_decode_settings settings;
    compass_decode_settings_init(&settings);
    settings.layer = k;
    compass_picture picture;
    ASSERT_EQ(compass_decode(decoder_, file.data(), file.size(), &settings, &picture, &error_), COMPASS_OK);
    const int layer = k == -1 ? 2 : k;
    EXPECT_EQ(picture.layer, layer);
    EXPECT_EQ(picture.width, info.layers[layer].width);
    EXPECT_EQ(picture.height, info.layers[layer].height);
    compass_picture_free(&picture);
    EXPECT_EQ(picture.rgb, nullptr);
  }
}

TEST_F(Api, InfoAsksForMoreBytesWhileTheHeaderIsNotWhole) {
  const std::vector<uint8_t> file = encoded(41, 27);
  compass_info info;
  ASSERT_EQ(compass_read_info(file.data(), file.size(), &info, &error_), COMPASS_OK);
  EXPECT_EQ(compass_read_info(file.data(), 10, &info, &error_), COMPASS_DAMAGED);
  EXPECT_EQ(info.layer_count, 0);
  const std::vector<uint8_t> zeros(100, 0);
  EXPECT_EQ(compass_read_info(zeros.data(), zeros.size(), &info, &error_), COMPASS_BAD_FILE);
}

TEST_F(Api, SizesAndRegions) {
  const std::vector<uint8_t> file = encoded(41, 27);
  compass_decode_settings settings;
  compass_decode_settings_init(&settings);
  settings.size = {60, 13};
  compass_picture picture;
  ASSERT_EQ(compass_decode(decoder_, file.data(), file.size(), &settings, &picture, &error_), COMPASS_OK);
  EXPECT_EQ(picture.width, 60);
  EXPECT_EQ(picture.height, 13);
  compass_picture_free(&picture);

  compass_decode_settings_init(&settings);
  settings.region_x = 40;
  settings.region_width = 1;
  settings.region_height = 27;
  ASSERT_EQ(compass_decode(decoder_, file.data(), file.size(), &settings, &picture, &error_), COMPASS_OK);
  EXPECT_EQ(picture.width, 1);
  EXPECT_EQ(picture.height, 27);
  compass_picture_free(&picture);
  settings.region_x = 41;
  EXPECT_EQ(compass_decode(decoder_, file.data(), file.size(), &settings, &picture, &error_), COMPASS_USAGE);
  EXPECT_EQ(picture.rgb, nullptr);
}

TEST_F(Api, OwnSizesAndStride) {
  const compass_size sizes[2] = {{5, 9}, {10, 9}};
  compass_encode_settings settings;
  compass_encode_settings_init(&settings);
  settings.sizes = sizes;
  settings.size_count = 2;
  settings.quality = 10;
  const std::vector<uint8_t> rgb(40 * 9, 77);
  compass_bytes file;
  ASSERT_EQ(compass_encode(encoder_, rgb.data(), 10, 9, 40, &settings, &file, &error_), COMPASS_OK)
      << error_.message;
  compass_info info;
  ASSERT_EQ(compass_read_info(file.data, file.size, &info, &error_), COMPASS_OK);
  EXPECT_EQ(info.layer_count, 2);
  EXPECT_EQ(info.layers[0].width, 5);
  compass_bytes_free(&file);

  for (const double quality : {-1.0, 101.0}) {
    settings.quality = quality;
    EXPECT_EQ(compass_encode(encoder_, rgb.data(), 10, 9, 40, &settings, &file, &error_), COMPASS_USAGE);
    EXPECT_EQ(file.data, nullptr);
  }
  settings.quality = 50;
  for (const int effort : {-2, 41}) {
    settings.effort = effort;
    EXPECT_EQ(compass_encode(encoder_, rgb.data(), 10, 9, 40, &settings, &file, &error_), COMPASS_USAGE);
  }
  for (const int effort : {2, 0, static_cast<int>(COMPASS_EFFORT_DEFAULT)}) {
    settings.effort = effort;
    EXPECT_EQ(compass_encode(encoder_, rgb.data(), 10, 9, 40, &settings, &file, &error_), COMPASS_OK);
    compass_bytes_free(&file);
  }
  settings.size_count = 0;
  EXPECT_EQ(compass_encode(encoder_, rgb.data(), 10, 9, 40, &settings, &file, &error_), COMPASS_USAGE);
  settings.size_count = 1;  // does not end in the picture's size
  EXPECT_EQ(compass_encode(encoder_, rgb.data(), 10, 9, 40, &settings, &file, &error_), COMPASS_USAGE);
}

TEST_F(Api, DamageGivesASmallerPictureAndSaysSo) {
  const std::vector<uint8_t> file = encoded(41, 27);
  compass_info info;
  ASSERT_EQ(compass_read_info(file.data(), file.size(), &info, &error_), COMPASS_OK);
  compass_picture picture;
  ASSERT_EQ(compass_decode(decoder_, file.data(), info.layers[1].end, nullptr, &picture, &error_),
            COMPASS_DAMAGED);
  ASSERT_NE(picture.rgb, nullptr);
  EXPECT_EQ(picture.layer, 1);
  EXPECT_NE(std::strlen(error_.message), 0U);
  compass_picture_free(&picture);

  compass_decode_settings settings;
  compass_decode_settings_init(&settings);
  settings.strict = 1;
  EXPECT_EQ(compass_decode(decoder_, file.data(), info.layers[1].end, &settings, &picture, &error_),
            COMPASS_DAMAGED);
  EXPECT_EQ(picture.rgb, nullptr);
  EXPECT_EQ(compass_decode(decoder_, file.data(), 0, nullptr, &picture, &error_), COMPASS_BAD_FILE);
}

TEST_F(Api, MissingArgumentsAreUsageErrors) {
  const uint8_t rgb[3] = {};
  compass_bytes file;
  compass_picture picture;
  compass_model* model = nullptr;
  EXPECT_EQ(compass_encode(nullptr, rgb, 1, 1, 3, nullptr, &file, nullptr), COMPASS_USAGE);
  EXPECT_EQ(compass_encode(encoder_, nullptr, 1, 1, 3, nullptr, &file, nullptr), COMPASS_USAGE);
  EXPECT_EQ(compass_encode(encoder_, rgb, 0, 1, 3, nullptr, &file, nullptr), COMPASS_USAGE);
  EXPECT_EQ(compass_encode(encoder_, rgb, 1, 1, 2, nullptr, &file, nullptr), COMPASS_USAGE);
  EXPECT_EQ(compass_encode(encoder_, rgb, 1, 1, 3, nullptr, nullptr, nullptr), COMPASS_USAGE);
  EXPECT_EQ(compass_decode(decoder_, nullptr, 0, nullptr, &picture, nullptr), COMPASS_USAGE);
  EXPECT_EQ(compass_decode(decoder_, rgb, 3, nullptr, nullptr, nullptr), COMPASS_USAGE);
  EXPECT_EQ(compass_model_load(nullptr, &model, nullptr), COMPASS_USAGE);
  EXPECT_EQ(compass_model_load(kModel.c_str(), nullptr, nullptr), COMPASS_USAGE);
  EXPECT_EQ(compass_model_parse(rgb, 3, &model, &error_), COMPASS_MODEL);
  EXPECT_EQ(model, nullptr);
  compass_model_free(nullptr);
  compass_encoder_free(nullptr);
  compass_decoder_free(nullptr);
  compass_bytes_free(nullptr);
  compass_picture_free(nullptr);
}

TEST_F(Api, AnOlderHeadersShorterStructIsUnderstood) {
  // A caller whose struct ends after `layer`: what lies behind is not ours to read.
  compass_decode_settings settings;
  std::memset(&settings, 0x7f, sizeof settings);
  settings.struct_size = offsetof(compass_decode_settings, size);
  settings.layer = 0;
  const std::vector<uint8_t> file = encoded(41, 27);
  compass_picture picture;
  ASSERT_EQ(compass_decode(decoder_, file.data(), file.size(), &settings, &picture, &error_), COMPASS_OK)
      << error_.message;
  EXPECT_EQ(picture.layer, 0);
  compass_picture_free(&picture);
}

TEST(ApiErrors, LongMessagesAreCut) {
  compass_error error;
  compass_model* model = nullptr;
  const std::string path(2000, 'x');
  EXPECT_NE(compass_model_load(path.c_str(), &model, &error), COMPASS_OK);
  EXPECT_LT(std::strlen(error.message), sizeof error.message);
}

}  // namespace
