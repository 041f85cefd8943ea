// Mei et al.'s system: its file from the first byte to the last, its sizes, its costs, and the models of it
// that are refused. train/mei_test.cc holds its networks against the trainer's.
#include <gtest/gtest.h>

#include <cmath>

#include "eval/mei/mei_codec.h"
#include "eval/mei/mei_system.h"
#include "eval/rivals.h"
#include "eval/testing/small_mei.h"
#include "model_file/safetensors.h"

namespace compass::eval {
namespace {

using test::json;
using test::small_mei;

Picture waves(Size size) {
  Picture picture(size);
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        picture.pixel(y, x)[c] = static_cast<uint8_t>(128 + 100 * std::sin(0.2 * x + 0.1 * y + c));
      }
    }
  }
  return picture;
}

std::vector<Picture> pyramid(const std::vector<Size>& sizes) {
  std::vector<Picture> pictures;
  for (const Size size : sizes) pictures.push_back(waves(size));
  return pictures;
}

class MeiSystems : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Priors, MeiSystems, testing::Bool(),
                         [](const auto& info) { return info.param ? "Factorised" : "Hyperprior"; });

TEST_P(MeiSystems, EveryLayerComesFromItsPrefix) {
  MeiSystem system(small_mei(GetParam()), 1, Precision::kF32);
  MeiSystem other(small_mei(GetParam()), 2, Precision::kF32);
  for (const auto& sizes : {std::vector<Size>{{48, 32}, {96, 64}, {192, 128}},
                            {{35, 26}, {70, 53}, {141, 106}},
                            {{1, 1}, {1, 1}, {1, 2}},
                            {{33, 1}, {66, 2}, {132, 3}}}) {
    const auto bytes = system.encode(pyramid(sizes));
    ASSERT_TRUE(bytes) << bytes.error().message;
    const auto ends = MeiSystem::layer_ends(*bytes);
    ASSERT_TRUE(ends);
    ASSERT_EQ(ends->size(), 3U);
    EXPECT_EQ(ends->back(), bytes->size());
    for (size_t k = 0; k < 3; ++k) {
      const auto prefix = std::span<const uint8_t>(*bytes).first((*ends)[k]);
      const auto picture = system.decode(prefix, k);
      ASSERT_TRUE(picture) << picture.error().message;
      EXPECT_EQ(picture->size, sizes[k]);
      EXPECT_EQ(other.decode(*bytes, k)->rgb, picture->rgb);  // of the whole file, on two threads
      const auto short_of = system.decode(prefix.first(prefix.size() - 1), k);
      EXPECT_FALSE(short_of);
    }
  }
}

TEST_P(MeiSystems, DamageIsToldOrHarmless) {
  MeiSystem system(small_mei(GetParam()), 1, Precision::kF32);
  const auto bytes = system.encode(pyramid({{20, 15}, {40, 30}, {80, 60}}));
  ASSERT_TRUE(bytes);
  EXPECT_FALSE(system.decode({}, 0));
  EXPECT_FALSE(system.decode(*bytes, 3));
  for (size_t i = 0; i < 4 + 24; ++i) {  // the signature and the table
    auto spoilt = *bytes;
    spoilt[i] ^= 0x41;
    const auto picture = system.decode(spoilt, 2);
    if (picture) {
      EXPECT_GT(picture->size.pixels(), 0);
    }
  }
  int refused = 0;
  for (size_t i = 28; i < bytes->size(); i += 7) {
    auto spoilt = *bytes;
    spoilt[i] ^= 0x10;
    refused += system.decode(spoilt, 2) ? 0 : 1;
  }
  EXPECT_GT(refused, 0);
}

TEST(MeiSystem, RatiosAreTwo) {
  EXPECT_TRUE(MeiSystem::accepts({{10, 7}, {20, 15}, {41, 30}}));
  EXPECT_FALSE(MeiSystem::accepts({{10, 7}, {20, 15}}));
  EXPECT_FALSE(MeiSystem::accepts({{10, 7}, {20, 15}, {60, 30}}));
  EXPECT_FALSE(MeiSystem::accepts({{10, 7}, {15, 15}, {30, 30}}));
  EXPECT_FALSE(MeiSystem::accepts({{0, 7}, {0, 14}, {0, 28}}));
  MeiSystem system(small_mei(true), 1, Precision::kF32);
  const auto encoded = system.encode(pyramid({{10, 10}, {15, 15}, {30, 30}}));
  ASSERT_FALSE(encoded);
  EXPECT_EQ(encoded.error().code, ErrorCode::kUsage);
}

// By hand, for 128x128: the widths of small_mei, 25 taps, GDN's matrix once for each position.
TEST(MeiSystem, CountsItsMultiplications) {
  const MeiSystem system(small_mei(true), 1, Precision::kF32);
  const MeiCost cost = system.cost({{32, 32}, {64, 64}, {128, 128}});
  const auto analysis = [](double side) {  // 3-4-4-4-6
    const double s = side * side;
    return s / 4 * (25 * 3 * 4 + 16) + s / 16 * (25 * 16 + 16) + s / 64 * (25 * 16 + 16) + s / 256 * 25 * 24;
  };
  const auto predict = [](double below, double side) {  // P, from maps of so many channels and that side
    const double s = side * side;
    const double inner = 25 * 4 * below + 16 + 25 * 4 * 6 + 36 + 2 * (25 * 36 * 2 + 36);
    return s / 4 * inner + s / 4 * (25 * 36) + s * 36 + s * (25 * 36);
  };
  const auto context = [](double below, double side) {
    const double s = side * side;
    return s * 25 * below * 5 + 4 * s * 2 * 25 * 25;
  };
  const double predicting = predict(6, 2) + predict(11, 4);
  EXPECT_NEAR(cost.encode, analysis(32) + analysis(64) + analysis(128) + predicting + context(6, 2),
              0.01 * cost.encode);
  const double s = 128.0 * 128.0;
  const double synthesis =
      s / 256 * 25 * 11 * 4 + s / 64 * (16 + 25 * 16) + s / 16 * (16 + 25 * 16) + s / 4 * (16 + 25 * 4 * 3);
  EXPECT_NEAR(cost.decode, synthesis + predicting + context(6, 2) + context(11, 4), 0.01 * cost.decode);
}

TEST(MeiModels, MixturesAndHolesAreRefusedByName) {
  const auto refused = [](const std::string& what, const auto& change) {
    const auto file = Safetensors::parse(test::SmallMei::write(true));
    ASSERT_TRUE(file);
    auto metadata = file->metadata();
    auto tensors = file->tensors();
    change(metadata, tensors);
    SafetensorsWriter writer;
    for (const auto& [name, view] : tensors) writer.add(name, view);
    for (const auto& [key, value] : metadata) writer.set_metadata(key, value);
    const auto model = MeiModel::parse(writer.finish());
    ASSERT_FALSE(model) << what;
    EXPECT_NE(model.error().message.find(what), std::string::npos) << model.error().message;
  };
  refused("format: compass-mei", [](auto& metadata, auto&) { metadata["format"] = "compass-model"; });
  refused("layer1.reduce.0.weight", [](auto&, auto& tensors) { tensors.erase("layer1.reduce.0.weight"); });
  refused("'layer3.x' is not part", [](auto&, auto& t) { t["layer3.x"] = t["layer1.y.length"]; });
  refused("layers: must list 2", [](auto& metadata, auto&) {
    json mei = json::parse(metadata["mei"]);
    mei["layers"].erase(1);
    metadata["mei"] = mei.dump();
  });
  refused("more than one rate point", [](auto& metadata, auto&) {
    json base = json::parse(metadata["compass"]);
    base["rate_points"] = {0.001, 0.01};
    metadata["compass"] = base.dump();
  });
  // Layers with a hyperprior, tensors without.
  refused("layer1.h_a.0.weight",
          [](auto& metadata, auto&) { metadata["mei"] = test::small_mei_layers(false).dump(); });
}

}  // namespace
}  // namespace compass::eval
