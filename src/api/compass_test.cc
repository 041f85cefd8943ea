#include "compass/compass.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "api/testing/api.h"

namespace {

const std::string kModel = COMPASS_SOURCE_DIR "/tests/data/tiny.safetensors";

TEST_F(Api, AlphaComesBackWithoutLoss) {
  constexpr int kWidth = 41, kHeight = 27, kStride = 50;
  const std::vector<uint8_t> rgb(size_t{3} * kWidth * kHeight, 90);
  std::vector<uint8_t> alpha(size_t{kStride} * kHeight);
  for (size_t i = 0; i < alpha.size(); ++i) alpha[i] = static_cast<uint8_t>(i * i % 251);
  compass_encode_settings settings;
  compass_encode_settings_init(&settings);
  const auto encode = [&](compass_bytes* file) {
    return compass_encode(encoder_, rgb.data(), kWidth, kHeight, size_t{3} * kWidth, &settings, file,
                          &error_);
  };
  compass_bytes file;
  settings.alpha_stride = kStride;
  EXPECT_EQ(encode(&file), COMPASS_USAGE);
  settings.alpha = alpha.data();
  settings.alpha_stride = kWidth - 1;
  EXPECT_EQ(encode(&file), COMPASS_USAGE);
  settings.alpha_stride = kStride;
  ASSERT_EQ(encode(&file), COMPASS_OK) << error_.message;
  compass_picture picture;
  ASSERT_EQ(compass_decode(decoder_, file.data, file.size, nullptr, &picture, &error_), COMPASS_OK);
  ASSERT_NE(picture.alpha, nullptr);
  for (int y = 0; y < kHeight; ++y) {
    EXPECT_TRUE(
        std::equal(picture.alpha + y * kWidth, picture.alpha + (y + 1) * kWidth, &alpha[y * kStride]));
  }
  compass_picture_free(&picture);
  EXPECT_EQ(picture.alpha, nullptr);
  compass_bytes_free(&file);
}

TEST_F(Api, SixteenBitsGoInAndOut) {
  constexpr int kWidth = 41, kHeight = 27, kStride = 2 * (3 * kWidth + 5);
  std::vector<uint16_t> rgb(size_t{kStride} / 2 * kHeight);
  for (size_t i = 0; i < rgb.size(); ++i) rgb[i] = static_cast<uint16_t>(20000 + 7 * i);
  compass_bytes file;
  for (const size_t stride : {size_t{6 * kWidth - 2}, size_t{kStride + 1}}) {
    EXPECT_EQ(compass_encode16(encoder_, rgb.data(), kWidth, kHeight, stride, nullptr, &file, &error_),
              COMPASS_USAGE);
  }
  ASSERT_EQ(compass_encode16(encoder_, rgb.data(), kWidth, kHeight, kStride, nullptr, &file, &error_),
            COMPASS_OK);
  compass_info info;
  ASSERT_EQ(compass_read_info(file.data, file.size, &info, &error_), COMPASS_OK);
  EXPECT_EQ(info.kinds, COMPASS_DEEP);
  compass_decode_settings settings;
  compass_decode_settings_init(&settings);
  compass_picture bytes, deep;
  settings.bits = 12;
  EXPECT_EQ(compass_decode(decoder_, file.data, file.size, &settings, &bytes, &error_), COMPASS_USAGE);
  settings.bits = 8;
  ASSERT_EQ(compass_decode(decoder_, file.data, file.size, &settings, &bytes, &error_), COMPASS_OK);
  settings.bits = 16;
  ASSERT_EQ(compass_decode(decoder_, file.data, file.size, &settings, &deep, &error_), COMPASS_OK);
  EXPECT_EQ(deep.kinds, COMPASS_DEEP);
  EXPECT_EQ(deep.rgb, nullptr);
  EXPECT_EQ(bytes.rgb16, nullptr);
  bool finer = false;  // than bytes
  for (size_t i = 0; i < size_t{3} * kWidth * kHeight; ++i) {
    ASSERT_LE(std::abs(deep.rgb16[i] - 257 * bytes.rgb[i]), 129);
    finer = finer || deep.rgb16[i] % 257 != 0;
  }
  EXPECT_TRUE(finer);
  compass_picture_free(&bytes);
  compass_picture_free(&deep);
  EXPECT_EQ(deep.rgb16, nullptr);
  compass_bytes_free(&file);
}

TEST_F(Api, GreyHasThreeEqualColours) {
  const std::vector<uint8_t> rgb(size_t{3} * 41 * 27, 77);
  compass_encode_settings settings;
  compass_encode_settings_init(&settings);
  compass_bytes file;
  const auto encode = [&] {
    return compass_encode(encoder_, rgb.data(), 41, 27, 123, &settings, &file, &error_);
  };
  for (const int kinds : {int{COMPASS_ALPHA}, int{COMPASS_DEEP}, 16, -1, int{COMPASS_OWN_COLOURS}}) {
    settings.kinds = kinds;  // told from the picture; unknown; without a profile
    EXPECT_EQ(encode(), COMPASS_USAGE) << kinds;
  }
  settings.kinds = COMPASS_GREY;
  ASSERT_EQ(encode(), COMPASS_OK) << error_.message;
  compass_decode_settings wish;
  compass_decode_settings_init(&wish);
  for (const int bits : {8, 16}) {
    wish.bits = bits;
    compass_picture picture;
    ASSERT_EQ(compass_decode(decoder_, file.data, file.size, &wish, &picture, &error_), COMPASS_OK);
    EXPECT_EQ(picture.kinds, COMPASS_GREY);
    const auto at = [&](size_t i) { return bits == 8 ? int{picture.rgb[i]} : int{picture.rgb16[i]}; };
    for (size_t i = 0; i < rgb.size(); i += 3) {
      ASSERT_TRUE(at(i) == at(i + 1) && at(i) == at(i + 2));
    }
    compass_picture_free(&picture);
  }
  compass_bytes_free(&file);
}

TEST_F(Api, RoundTrip) {
  const std::vector<uint8_t> file = encoded(41, 27);
  compass_info info;
  ASSERT_EQ(compass_read_info(file.data(), file.size(), &info, &error_), COMPASS_OK) << error_.message;
  ASSERT_EQ(info.layer_count, 3);
  EXPECT_EQ(info.layers[0].width, 10);
  EXPECT_EQ(info.layers[0].height, 6);
  EXPECT_EQ(info.layers[2].end, file.size());
  EXPECT_EQ(info.layers[2].offset, info.layers[1].end);
  EXPECT_EQ(info.layers[1].quality, 50.0);
  uint8_t id[8];
  compass_model_decoder_id(model_, id);
  EXPECT_EQ(std::memcmp(id, info.decoder_id, 8), 0);
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
  for (size_t size = 10;;) {  // bytes as they are asked for lead to the header, and no further
    const compass_status status = compass_read_info(file.data(), size, &info, &error_);
    if (status == COMPASS_OK) {
      EXPECT_EQ(size, info.layers[0].offset);
      EXPECT_EQ(info.need, 0U);
      break;
    }
    ASSERT_EQ(status, COMPASS_DAMAGED);
    EXPECT_EQ(info.layer_count, 0);
    ASSERT_GT(info.need, size);
    size = info.need;
  }
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

TEST_F(Api, AModelForDecodingDecodesAndDoesNotEncode) {
  compass_model* model = nullptr;
  ASSERT_EQ(compass_model_load_decoder(kModel.c_str(), &model, &error_), COMPASS_OK) << error_.message;
  EXPECT_EQ(compass_model_holds(model), COMPASS_DECODER);
  compass_encoder* encoder = nullptr;
  EXPECT_EQ(compass_encoder_create(model, nullptr, &encoder, &error_), COMPASS_MODEL);
  EXPECT_EQ(encoder, nullptr);
  compass_decoder* decoder = nullptr;
  ASSERT_EQ(compass_decoder_create(model, nullptr, &decoder, &error_), COMPASS_OK) << error_.message;
  const std::vector<uint8_t> rgb(static_cast<size_t>(40) * 30 * 3, 90);
  compass_bytes file;
  ASSERT_EQ(compass_encode(encoder_, rgb.data(), 40, 30, 120, nullptr, &file, &error_), COMPASS_OK);
  compass_picture one, other;
  ASSERT_EQ(compass_decode(decoder, file.data, file.size, nullptr, &one, &error_), COMPASS_OK)
      << error_.message;
  ASSERT_EQ(compass_decode(decoder_, file.data, file.size, nullptr, &other, &error_), COMPASS_OK);
  ASSERT_EQ(one.width, 40);
  EXPECT_EQ(std::memcmp(one.rgb, other.rgb, rgb.size()), 0);
  compass_picture_free(&one);
  compass_picture_free(&other);
  compass_bytes_free(&file);
  compass_decoder_free(decoder);
  compass_model_free(model);
  EXPECT_EQ(compass_model_load_decoder(nullptr, &model, nullptr), COMPASS_USAGE);
  EXPECT_EQ(compass_model_load_decoder(kModel.c_str(), nullptr, nullptr), COMPASS_USAGE);
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

TEST_F(Api, AStructThatNobodyFilledInIsRefused) {
  const std::vector<uint8_t> file = encoded(9, 7);
  for (const size_t size : {size_t{0}, sizeof(size_t), size_t{1} << 40, ~size_t{0}}) {
    compass_options options;
    compass_options_init(&options);
    options.struct_size = size;
    compass_decoder* decoder = nullptr;
    EXPECT_EQ(compass_decoder_create(model_, &options, &decoder, &error_), COMPASS_USAGE) << size;
    EXPECT_NE(std::string(error_.message).find("compass_options_init"), std::string::npos) << error_.message;
    EXPECT_EQ(decoder, nullptr);
    compass_encoder* encoder = nullptr;
    EXPECT_EQ(compass_encoder_create(model_, &options, &encoder, &error_), COMPASS_USAGE) << size;
    EXPECT_EQ(encoder, nullptr);

    compass_decode_settings decode;
    compass_decode_settings_init(&decode);
    decode.struct_size = size;
    compass_picture picture;
    EXPECT_EQ(compass_decode(decoder_, file.data(), file.size(), &decode, &picture, &error_), COMPASS_USAGE);
    EXPECT_EQ(picture.rgb, nullptr);

    compass_encode_settings encode;
    compass_encode_settings_init(&encode);
    encode.struct_size = size;
    const uint8_t rgb[3] = {};
    compass_bytes bytes;
    EXPECT_EQ(compass_encode(encoder_, rgb, 1, 1, 3, &encode, &bytes, &error_), COMPASS_USAGE);
    EXPECT_EQ(bytes.data, nullptr);
  }
}

TEST_F(Api, OptionsOutOfRangeAreRefused) {
  const auto status = [&](const auto& change) {
    compass_options options;
    compass_options_init(&options);
    change(options);
    compass_decoder* decoder = nullptr;
    const compass_status got = compass_decoder_create(model_, &options, &decoder, &error_);
    compass_decoder_free(decoder);
    return got;
  };
  for (const int threads : {-1, COMPASS_MAX_THREADS + 1, 100'000, INT_MIN, INT_MAX}) {
    EXPECT_EQ(status([&](compass_options& o) { o.threads = threads; }), COMPASS_USAGE) << threads;
    EXPECT_NE(std::string(error_.message).find(std::to_string(threads)), std::string::npos) << error_.message;
  }
  for (const int precision : {-1, COMPASS_EXACT + 1, INT_MAX}) {
    EXPECT_EQ(status([&](compass_options& o) { std::memcpy(&o.precision, &precision, sizeof o.precision); }),
              COMPASS_USAGE)
        << precision;
  }
  EXPECT_EQ(status([](compass_options& o) { o.threads = 2; }), COMPASS_OK);
  EXPECT_EQ(status([](compass_options& o) { o.precision = COMPASS_F32; }), COMPASS_OK);
}

TEST_F(Api, LimitsHoldAtTheirExtremes) {
  const std::vector<uint8_t> file = encoded(41, 27);
  const auto decode = [&](uint64_t max_pixels, uint64_t max_memory, compass_size size) {
    compass_options options;
    compass_options_init(&options);
    options.threads = 1;
    options.max_pixels = max_pixels;
    options.max_memory = max_memory;
    compass_decoder* decoder = nullptr;
    EXPECT_EQ(compass_decoder_create(model_, &options, &decoder, &error_), COMPASS_OK);
    compass_decode_settings settings;
    compass_decode_settings_init(&settings);
    settings.size = size;
    compass_picture picture;
    const compass_status got =
        compass_decode(decoder, file.data(), file.size(), &settings, &picture, &error_);
    EXPECT_EQ(picture.rgb != nullptr, got == COMPASS_OK);
    compass_picture_free(&picture);
    compass_decoder_free(decoder);
    return got;
  };
  EXPECT_EQ(decode(UINT64_MAX, UINT64_MAX, {0, 0}), COMPASS_OK) << error_.message;
  EXPECT_EQ(decode(41 * 27, 0, {0, 0}), COMPASS_OK) << error_.message;
  EXPECT_EQ(decode(41 * 27 - 1, 0, {0, 0}), COMPASS_BAD_FILE);
  EXPECT_EQ(decode(0, 0, {0, 0}), COMPASS_BAD_FILE);
  EXPECT_EQ(decode(41 * 27, 1, {0, 0}), COMPASS_BAD_FILE);
  // What is handed out counts, whatever the file holds.
  EXPECT_EQ(decode(1 << 30, 300'000'000, {41, 27}), COMPASS_OK) << error_.message;
  EXPECT_EQ(decode(1 << 30, 300'000'000, {6000, 6000}), COMPASS_BAD_FILE);
  EXPECT_EQ(decode(1 << 30, 300'000'000, {20'000'000, 1}), COMPASS_BAD_FILE);
  EXPECT_EQ(decode(UINT64_MAX, 300'000'000, {1 << 29, 1 << 29}), COMPASS_BAD_FILE);
  EXPECT_EQ(decode(UINT64_MAX, 0, {INT_MAX, INT_MAX}), COMPASS_USAGE);
}

TEST_F(Api, NonsenseInSettingsIsRefusedAndNothingIsSpoilt) {
  const std::vector<uint8_t> file = encoded(41, 27);
  const auto decode = [&](const auto& change) {
    compass_decode_settings settings;
    compass_decode_settings_init(&settings);
    change(settings);
    compass_picture picture;
    const compass_status got =
        compass_decode(decoder_, file.data(), file.size(), &settings, &picture, &error_);
    EXPECT_EQ(picture.rgb != nullptr, got == COMPASS_OK);
    compass_picture_free(&picture);
    return got;
  };
  using Settings = compass_decode_settings;
  for (const int layer : {-2, 3, INT_MIN, INT_MAX}) {
    EXPECT_EQ(decode([&](Settings& s) { s.layer = layer; }), COMPASS_USAGE) << layer;
  }
  for (const compass_size size : {compass_size{0, 5}, {5, 0}, {-1, 5}, {INT_MIN, INT_MIN}, {INT_MAX, 1}}) {
    EXPECT_EQ(decode([&](Settings& s) { s.size = size; }), COMPASS_USAGE) << size.width << "x" << size.height;
  }
  const int regions[][4] = {{0, 0, 0, 1},  {0, 0, 1, 0},  {1, 0, 0, 0},        {0, 1, 0, 0},
                            {-1, 0, 1, 1}, {0, 0, 42, 1}, {0, 0, 1, 28},       {INT_MAX, 0, 1, 1},
                            {40, 0, 2, 1}, {0, 0, -1, 1}, {1, 1, INT_MAX, 26}, {INT_MIN, INT_MIN, 1, 1}};
  for (const auto& r : regions) {
    EXPECT_EQ(decode([&](Settings& s) {
                s.region_x = r[0];
                s.region_y = r[1];
                s.region_width = r[2];
                s.region_height = r[3];
              }),
              COMPASS_USAGE)
        << r[0] << "," << r[1] << "," << r[2] << "," << r[3];
  }
  EXPECT_EQ(decode([](Settings&) {}), COMPASS_OK);

  const std::vector<uint8_t> rgb(41 * 27 * 3, 99);
  const auto encode = [&](const auto& change) {
    compass_encode_settings settings;
    compass_encode_settings_init(&settings);
    change(settings);
    compass_bytes bytes;
    const compass_status got =
        compass_encode(encoder_, rgb.data(), 41, 27, 41 * 3, &settings, &bytes, &error_);
    EXPECT_EQ(bytes.data != nullptr, got == COMPASS_OK);
    compass_bytes_free(&bytes);
    return got;
  };
  using Encode = compass_encode_settings;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double quality : {nan, infinity, -infinity, -1e-9, 100.001}) {
    EXPECT_EQ(encode([&](Encode& s) { s.quality = quality; }), COMPASS_USAGE) << quality;
  }
  const compass_size own{41, 27};
  EXPECT_EQ(encode([&](Encode& s) { s.size_count = 1; }), COMPASS_USAGE);
  for (const size_t count : {size_t{0}, size_t{256}, ~size_t{0}}) {
    EXPECT_EQ(encode([&](Encode& s) {
                s.sizes = &own;
                s.size_count = count;
              }),
              COMPASS_USAGE)
        << count;
  }
  for (const compass_size small : {compass_size{0, 1}, {-1, 1}, {42, 1}, {INT_MIN, INT_MAX}}) {
    const compass_size sizes[2] = {small, own};
    EXPECT_EQ(encode([&](Encode& s) {
                s.sizes = sizes;
                s.size_count = 2;
              }),
              COMPASS_USAGE)
        << small.width << "x" << small.height;
  }
  EXPECT_EQ(encode([](Encode&) {}), COMPASS_OK);

  compass_bytes bytes;
  EXPECT_EQ(compass_encode(encoder_, rgb.data(), 41, 27, ~size_t{0}, nullptr, &bytes, &error_),
            COMPASS_USAGE);
  EXPECT_EQ(compass_encode(encoder_, rgb.data(), 41, INT_MAX, ~size_t{0} / 4, nullptr, &bytes, &error_),
            COMPASS_USAGE);
  EXPECT_EQ(compass_encode(encoder_, rgb.data(), INT_MAX, 1, size_t{3} * INT_MAX, nullptr, &bytes, &error_),
            COMPASS_USAGE);
  EXPECT_EQ(
      compass_encode(encoder_, rgb.data(), 20'000'000, 21, size_t{60'000'000}, nullptr, &bytes, &error_),
      COMPASS_BAD_FILE);  // above the limit of pixels: none is read
  EXPECT_EQ(encoded(41, 27), file);
}

TEST_F(Api, ARegionOfALostLayerIsTheSamePartOfTheLayerBelow) {
  const std::vector<uint8_t> file = encoded(41, 27);  // layers 10x6, 20x13, 41x27
  compass_info info;
  ASSERT_EQ(compass_read_info(file.data(), file.size(), &info, &error_), COMPASS_OK);
  compass_decode_settings settings;
  compass_decode_settings_init(&settings);
  settings.region_x = 30;
  settings.region_y = 13;
  settings.region_width = 11;
  settings.region_height = 14;
  compass_picture picture;
  ASSERT_EQ(compass_decode(decoder_, file.data(), file.size(), &settings, &picture, &error_), COMPASS_OK);
  EXPECT_EQ(picture.x, 30);
  EXPECT_EQ(picture.y, 13);
  compass_picture_free(&picture);
  ASSERT_EQ(compass_decode(decoder_, file.data(), info.layers[1].end, &settings, &picture, &error_),
            COMPASS_DAMAGED);
  EXPECT_EQ(picture.layer, 1);
  EXPECT_EQ(picture.x, 14);  // 30 * 20 / 41 = 14.6
  EXPECT_EQ(picture.y, 6);   // 13 * 13 / 27 = 6.3
  EXPECT_EQ(picture.width, 6);
  EXPECT_EQ(picture.height, 7);
  compass_picture_free(&picture);
}

TEST_F(Api, MetadataIsCarriedAlong) {
  const std::vector<uint8_t> exif = {'I', 'I', 42, 0, 8, 0, 0, 0}, other = {1, 2, 3}, rgb(41 * 27 * 3, 90);
  const compass_metadata given[2] = {{COMPASS_EXIF, exif.data(), exif.size()},
                                     {77, other.data(), other.size()}};
  compass_encode_settings settings;
  compass_encode_settings_init(&settings);
  settings.metadata = given;
  settings.metadata_count = 2;
  compass_bytes file;
  ASSERT_EQ(compass_encode(encoder_, rgb.data(), 41, 27, 123, &settings, &file, &error_), COMPASS_OK)
      << error_.message;
  compass_info info;
  ASSERT_EQ(compass_read_info(file.data, file.size, &info, &error_), COMPASS_OK);
  const size_t before = info.layers[0].offset;
  for (const auto& [type, want] :
       {std::pair{uint32_t{COMPASS_EXIF}, exif}, {77U, other}, {COMPASS_ICC, {}}}) {
    compass_bytes bytes;
    ASSERT_EQ(compass_read_metadata(file.data, before, type, &bytes, &error_), COMPASS_OK) << error_.message;
    EXPECT_EQ(std::vector<uint8_t>(bytes.data, bytes.data + bytes.size), want) << type;
    compass_bytes_free(&bytes);
    EXPECT_EQ(compass_read_metadata(file.data, before - 1, type, &bytes, &error_), COMPASS_DAMAGED);
    EXPECT_EQ(compass_read_metadata(file.data, 7, type, &bytes, &error_), COMPASS_DAMAGED);
    EXPECT_EQ(bytes.data, nullptr);
  }
  std::vector<uint8_t> changed(file.data, file.data + before);
  changed.back() ^= 1;
  compass_bytes bytes;
  EXPECT_EQ(compass_read_metadata(changed.data(), before, COMPASS_EXIF, &bytes, &error_), COMPASS_DAMAGED);
  compass_bytes_free(&file);
}

TEST_F(Api, MetadataThatCannotBeIsRefused) {
  const std::vector<uint8_t> data(9, 1), rgb(3, 90);
  const auto refused = [&](const compass_metadata* metadata, size_t count) {
    compass_encode_settings settings;
    compass_encode_settings_init(&settings);
    settings.metadata = metadata;
    settings.metadata_count = count;
    compass_bytes file;
    EXPECT_EQ(compass_encode(encoder_, rgb.data(), 1, 1, 3, &settings, &file, &error_), COMPASS_USAGE);
    EXPECT_EQ(file.data, nullptr);
    return std::string(error_.message);
  };
  const compass_metadata one = {COMPASS_XMP, data.data(), data.size()}, lost = {COMPASS_XMP, nullptr, 4};
  const compass_metadata twice[2] = {one, one};
  EXPECT_NE(refused(nullptr, 1).find("metadata is NULL"), std::string::npos);
  EXPECT_NE(refused(&lost, 1).find("data is NULL"), std::string::npos);
  EXPECT_NE(refused(twice, 2).find("same type"), std::string::npos);
  EXPECT_NE(refused(twice, 65).find("65"), std::string::npos);
}

TEST(ApiErrors, NothingIsAskedOfNull) {
  compass_options_init(nullptr);
  compass_encode_settings_init(nullptr);
  compass_decode_settings_init(nullptr);
  EXPECT_EQ(compass_model_name(nullptr), nullptr);
  uint8_t id[8];
  std::memset(id, 1, sizeof id);
  compass_model_id(nullptr, id);
  EXPECT_EQ(std::count(std::begin(id), std::end(id), 0), 8);
  std::memset(id, 1, sizeof id);
  compass_model_decoder_id(nullptr, id);
  EXPECT_EQ(std::count(std::begin(id), std::end(id), 0), 8);
  compass_info info;
  EXPECT_EQ(compass_read_info(nullptr, 0, &info, nullptr), COMPASS_USAGE);
  EXPECT_EQ(compass_read_info(id, 8, nullptr, nullptr), COMPASS_USAGE);
  compass_encoder* encoder = nullptr;
  compass_decoder* decoder = nullptr;
  EXPECT_EQ(compass_encoder_create(nullptr, nullptr, &encoder, nullptr), COMPASS_USAGE);
  EXPECT_EQ(compass_decoder_create(nullptr, nullptr, &decoder, nullptr), COMPASS_USAGE);
  EXPECT_EQ(compass_encoder_create(nullptr, nullptr, nullptr, nullptr), COMPASS_USAGE);
  EXPECT_EQ(compass_decoder_create(nullptr, nullptr, nullptr, nullptr), COMPASS_USAGE);
}

TEST(ApiErrors, AFileThatCannotBeReadIsNotAModelThatIsWrong) {
  compass_error error;
  compass_model* model = nullptr;
  EXPECT_EQ(compass_model_load("/nonexistent/model.safetensors", &model, &error), COMPASS_IO);
  EXPECT_NE(std::string(error.message).find("/nonexistent/model.safetensors"), std::string::npos);
  EXPECT_EQ(compass_model_load(COMPASS_SOURCE_DIR, &model, &error), COMPASS_IO);  // a directory
  EXPECT_EQ(compass_model_load(COMPASS_SOURCE_DIR "/CMakeLists.txt", &model, &error), COMPASS_MODEL);
  EXPECT_EQ(model, nullptr);
}

TEST(ApiErrors, LongMessagesAreCut) {
  compass_error error;
  compass_model* model = nullptr;
  const std::string path(2000, 'x');
  EXPECT_NE(compass_model_load(path.c_str(), &model, &error), COMPASS_OK);
  EXPECT_LT(std::strlen(error.message), sizeof error.message);
}

}  // namespace
