// What an encoding can be asked for layer by layer and part by part, and what it tells of itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "api/testing/api.h"

namespace {

using Bytes = std::vector<uint8_t>;

class EncodeApi : public Api {
 protected:
  static constexpr int kWidth = 130;  // three squares of a quality map
  static constexpr int kHeight = 70;

  void SetUp() override {
    Api::SetUp();
    compass_encode_settings_init(&settings_);
    settings_.effort = 0;
  }

  compass_status encode(Bytes* file) {
    compass_bytes made;
    const compass_status status = compass_encode(encoder_, rgb_.data(), kWidth, kHeight, size_t{3} * kWidth,
                                                 &settings_, &made, &error_);
    file->assign(made.data, made.data + made.size);
    compass_bytes_free(&made);
    return status;
  }
  compass_status refused() {
    Bytes none;
    return encode(&none);
  }

  const Bytes rgb_ = pixels(kWidth, kHeight);
  compass_encode_settings settings_;
};

TEST_F(EncodeApi, ALayerCanHaveAQualityOfItsOwn) {
  const double qualities[] = {20, 55.5, 80};
  Bytes file, one;
  settings_.quality_count = 3;
  EXPECT_EQ(refused(), COMPASS_USAGE);
  settings_.qualities = qualities;
  for (const size_t count : {size_t{0}, size_t{2}, size_t{256}}) {
    settings_.quality_count = count;
    EXPECT_EQ(refused(), COMPASS_USAGE) << count;
  }
  settings_.quality_count = 3;
  ASSERT_EQ(encode(&file), COMPASS_OK) << error_.message;
  compass_info info;
  ASSERT_EQ(compass_read_info(file.data(), file.size(), &info, &error_), COMPASS_OK);
  for (int k = 0; k < 3; ++k) EXPECT_EQ(info.layers[k].quality, qualities[k]);
  const double bad[] = {20, 101, 80};
  settings_.qualities = bad;
  EXPECT_EQ(refused(), COMPASS_USAGE);
  // With a target they are where the searches begin: any lead to the same.
  const compass_target target{COMPASS_TARGET_BYTES, static_cast<double>(file.size()) * 1.1};
  settings_.qualities = qualities;
  settings_.targets = &target;
  settings_.target_count = 1;
  ASSERT_EQ(encode(&file), COMPASS_OK) << error_.message;
  settings_.qualities = nullptr;
  settings_.quality_count = 0;
  ASSERT_EQ(encode(&one), COMPASS_OK) << error_.message;
  EXPECT_EQ(file, one);
}

// A part and a map that ask for the same make the same file, another than without.
TEST_F(EncodeApi, APartCanBeBetterOrWorse) {
  Bytes plain, by_part, by_map;
  settings_.quality = 30;
  ASSERT_EQ(encode(&plain), COMPASS_OK);
  compass_quality_region part{64, 0, 64, 64, 100};
  settings_.region_count = 1;
  EXPECT_EQ(refused(), COMPASS_USAGE);
  const compass_size whole{kWidth, kHeight};
  settings_.sizes = &whole;  // smaller layers have no squares of just these pixels
  settings_.size_count = 1;
  settings_.regions = &part;
  ASSERT_EQ(encode(&by_part), COMPASS_OK) << error_.message;
  EXPECT_NE(by_part, plain);

  constexpr size_t kStride = kWidth + 9;
  Bytes map(kStride * kHeight, 128);
  for (size_t y = 0; y < 64; ++y) std::fill_n(&map[y * kStride + 64], 64, 255);
  settings_.quality_map = map.data();
  settings_.quality_map_size = whole;
  settings_.quality_map_stride = kStride;
  EXPECT_EQ(refused(), COMPASS_USAGE);  // both
  settings_.regions = nullptr;
  settings_.region_count = 0;
  ASSERT_EQ(encode(&by_map), COMPASS_OK) << error_.message;
  EXPECT_EQ(by_map, by_part);
  // Its own bytes begin with the map.
  compass_info info;
  ASSERT_EQ(compass_read_info(by_map.data(), by_map.size(), &info, &error_), COMPASS_OK);
  EXPECT_EQ(info.layers[0].offset, info.header_bytes);

  settings_.quality_map_stride = kWidth - 1;
  EXPECT_EQ(refused(), COMPASS_USAGE);
  settings_.quality_map_stride = kStride;
  settings_.quality_map_size = {0, 5};
  EXPECT_EQ(refused(), COMPASS_USAGE);
  settings_.quality_map_size = whole;
  settings_.quality_map = nullptr;
  EXPECT_EQ(refused(), COMPASS_USAGE);
}

TEST_F(EncodeApi, PartsLieInsideThePicture) {
  settings_.region_count = 1;
  const int most = std::numeric_limits<int>::max();
  for (const compass_quality_region& part :
       {compass_quality_region{0, 0, 64, 64, 101}, compass_quality_region{0, 0, 64, 64, -101},
        compass_quality_region{-1, 0, 64, 64, 9}, compass_quality_region{0, 0, 0, 64, 9},
        compass_quality_region{0, 7, 64, 64, 9}, compass_quality_region{most, 0, most, 1, 9},
        compass_quality_region{67, 0, 64, 64, 9}}) {
    settings_.regions = &part;
    EXPECT_EQ(refused(), COMPASS_USAGE) << part.x << ' ' << part.offset;
  }
  const compass_quality_region corner{129, 69, 1, 1, -9};
  settings_.regions = &corner;
  EXPECT_EQ(refused(), COMPASS_OK) << error_.message;
  // No map is made of a layer that the picture cannot have: this one's would take 2^48 bytes.
  const compass_size sizes[] = {{1 << 30, 1 << 30}, {kWidth, kHeight}};
  settings_.sizes = sizes;
  settings_.size_count = 2;
  EXPECT_EQ(refused(), COMPASS_USAGE);
}

TEST_F(EncodeApi, IsTunedToWhatIsSeen) {
  Bytes plain, tuned;
  settings_.tune = static_cast<compass_tune>(2);
  EXPECT_EQ(refused(), COMPASS_USAGE);
  settings_.tune = COMPASS_TUNE_ERROR;
  ASSERT_EQ(encode(&plain), COMPASS_OK);
  settings_.tune = COMPASS_TUNE_VISUAL;
  ASSERT_EQ(encode(&tuned), COMPASS_OK) << error_.message;
  EXPECT_FALSE(decoded(tuned, 2).empty());
  EXPECT_EQ(compass_model_holds(model_), COMPASS_WHOLE_MODEL);
  EXPECT_EQ(compass_model_holds(nullptr), COMPASS_WHOLE_MODEL);
}

TEST_F(EncodeApi, TellsHowItWent) {
  compass_encode_report report;
  compass_encode_report_init(&report);
  settings_.report = &report;
  settings_.effort = 1;
  Bytes file;
  ASSERT_EQ(encode(&file), COMPASS_OK) << error_.message;
  EXPECT_EQ(report.effort, 1);
  EXPECT_EQ(report.layer_count, 3);
  EXPECT_TRUE(std::isnan(report.psnr[0]) && std::isnan(report.psnr[2]));
  settings_.measure = 1;
  ASSERT_EQ(encode(&file), COMPASS_OK) << error_.message;
  // What a decoder makes of the largest layer is as far from the picture as was said.
  const Bytes shown = decoded(file, 2);
  double squared = 0;
  for (size_t i = 0; i < shown.size(); ++i) squared += std::pow(shown[i] - rgb_[i], 2);
  EXPECT_NEAR(report.psnr[2], 10 * std::log10(255.0 * 255.0 * static_cast<double>(shown.size()) / squared),
              1e-9);
  EXPECT_FALSE(std::isnan(report.psnr[0]));
  // A program that knows less of the report gets no more.
  report.struct_size = offsetof(compass_encode_report, layer_count);
  report.layer_count = -5;
  ASSERT_EQ(encode(&file), COMPASS_OK) << error_.message;
  EXPECT_EQ(report.layer_count, -5);
  report.struct_size = 0;
  EXPECT_EQ(refused(), COMPASS_USAGE);
}

TEST_F(EncodeApi, SizesFollowFromScales) {
  const double scales[] = {0.001, 0.5, 1};
  compass_size sizes[3] = {};
  ASSERT_EQ(compass_sizes_from_scales({131, 70}, scales, 3, sizes, &error_), COMPASS_OK);
  EXPECT_EQ(sizes[0].width, 1);
  EXPECT_EQ(sizes[1].width, 65);
  EXPECT_EQ(sizes[1].height, 35);
  EXPECT_EQ(sizes[2].width, 131);
  EXPECT_EQ(compass_sizes_from_scales({131, 70}, scales, 2, sizes, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_sizes_from_scales({131, 70}, scales, 0, sizes, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_sizes_from_scales({0, 70}, scales, 3, sizes, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_sizes_from_scales({131, 70}, nullptr, 3, sizes, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_sizes_from_scales({131, 70}, scales, 3, nullptr, &error_), COMPASS_USAGE);
  const double falling[] = {0.5, 0.25, 1};
  EXPECT_EQ(compass_sizes_from_scales({131, 70}, falling, 3, sizes, &error_), COMPASS_USAGE);
}

// A layer that is added has its own quality and parts; the report is of all.
TEST_F(EncodeApi, AppendsWithTheSame) {
  const Bytes file = encoded(65, 35);
  const double quality = 77;
  settings_.qualities = &quality;
  settings_.quality_count = 1;
  const compass_quality_region part{0, 0, 64, 64, -30};
  settings_.regions = &part;
  settings_.region_count = 1;
  compass_encode_report report;
  compass_encode_report_init(&report);
  settings_.report = &report;
  settings_.measure = 1;
  compass_bytes grown;
  ASSERT_EQ(compass_append(encoder_, file.data(), file.size(), rgb_.data(), kWidth, kHeight,
                           size_t{3} * kWidth, &settings_, &grown, &error_),
            COMPASS_OK)
      << error_.message;
  compass_info info;
  ASSERT_EQ(compass_read_info(grown.data, grown.size, &info, &error_), COMPASS_OK);
  EXPECT_EQ(info.layers[3].quality, 77);
  EXPECT_EQ(report.layer_count, 4);
  EXPECT_TRUE(std::isnan(report.psnr[2]));
  EXPECT_GT(report.psnr[3], 5);
  compass_bytes_free(&grown);
}

}  // namespace
