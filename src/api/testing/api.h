// What tests of the C interface share: a loaded model, an encoder and a decoder on one thread, a small file.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "compass/compass.h"

class Api : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(compass_model_load(COMPASS_SOURCE_DIR "/tests/data/tiny.safetensors", &model_, &error_),
              COMPASS_OK)
        << error_.message;
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

  static std::vector<uint8_t> pixels(int width, int height) {
    std::vector<uint8_t> rgb(static_cast<size_t>(width) * height * 3);
    for (size_t i = 0; i < rgb.size(); ++i) rgb[i] = static_cast<uint8_t>(i * 7 % 253);
    return rgb;
  }

  // Three layers.
  std::vector<uint8_t> encoded(int width, int height) {
    const std::vector<uint8_t> rgb = pixels(width, height);
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

  // Layer k of a whole file, red, green, blue.
  std::vector<uint8_t> decoded(const std::vector<uint8_t>& file, int k) {
    compass_decode_settings settings;
    compass_decode_settings_init(&settings);
    settings.layer = k;
    compass_picture picture;
    EXPECT_EQ(compass_decode(decoder_, file.data(), file.size(), &settings, &picture, &error_), COMPASS_OK)
        << error_.message;
    std::vector<uint8_t> rgb(picture.rgb, picture.rgb + size_t{3} * picture.width * picture.height);
    compass_picture_free(&picture);
    return rgb;
  }

  compass_error error_{};
  compass_model* model_ = nullptr;
  compass_encoder* encoder_ = nullptr;
  compass_decoder* decoder_ = nullptr;
};
