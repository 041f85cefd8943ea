// Models with only what decoding needs: the same pixels, and refusals of what they cannot do.
#include <gtest/gtest.h>

#include <algorithm>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "codec/testing/pictures.h"
#include "model_writer/stripped_model.h"

namespace compass {
namespace {

constexpr Size kTop{150, 97};
const std::vector<Size> kSizes = {{37, 24}, {75, 48}, kTop};

std::shared_ptr<const Model> stripped_tiny(bool base_only) {
  const auto file = Safetensors::load(COMPASS_SOURCE_DIR "/tests/data/tiny.safetensors");
  EXPECT_TRUE(file);
  const auto model = Model::parse(stripped(*file, *tiny_model(), base_only));
  EXPECT_TRUE(model) << model.error().message;
  return *model;
}

class Stripped : public testing::Test {
 protected:
  static std::vector<uint8_t> encoded() {
    Encoder encoder(tiny_model(), {.threads = 2});
    return encode(encoder, test_picture(kTop), kSizes).bytes;
  }
  static Result<DecodedPicture> decode(std::shared_ptr<const Model> model, std::span<const uint8_t> bytes,
                                       const DecodeSettings& settings) {
    Decoder decoder(std::move(model), {.threads = 2});
    MemorySource source(bytes);
    return decoder.decode(source, settings);
  }
  void expect_same(const std::shared_ptr<const Model>& model, const DecodeSettings& settings) const {
    const auto want = decode(tiny_model(), file_, settings);
    const auto have = decode(model, file_, settings);
    ASSERT_TRUE(want) << want.error().message;
    ASSERT_TRUE(have) << have.error().message;
    for (int c = 0; c < 3; ++c) EXPECT_TRUE(std::ranges::equal(have->image.plane(c), want->image.plane(c)));
  }
  void expect_refused(const DecodeSettings& settings, const std::string& what) const {
    const auto refused = decode(stripped_tiny(true), file_, settings);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kModel);
    EXPECT_NE(refused.error().message.find(what), std::string::npos) << refused.error().message;
  }
  const std::vector<uint8_t> file_ = encoded();
};

TEST_F(Stripped, DecodersMakeTheSamePixels) {
  const auto model = stripped_tiny(false);
  for (const int layer : {0, 1, 2}) expect_same(model, {.layer = layer});
  expect_same(model, {.size = Size{301, 200}});
  expect_same(model, {.region = Rect{31, 20, 40, 33}});
}

TEST_F(Stripped, ABaseDecoderMakesBaseLayers) {
  const auto model = stripped_tiny(true);
  expect_same(model, {.layer = 0});
  expect_same(model, {.layer = 0, .region = Rect{5, 7, 20, 11}});
  expect_same(model, {.size = Size{20, 15}});
  expect_same(model, {.size = kSizes[0]});
  expect_refused({}, "layer 0 instead of layer 2");
  expect_refused({.layer = 1}, "layer 0 instead of layer 1");
  expect_refused({.size = Size{38, 24}}, "instead of layer 1");
}

TEST_F(Stripped, ABaseDecoderDoesNotPredict) {
  Encoder encoder(tiny_model(), {.threads = 1});
  const auto file = encode(encoder, test_picture({40, 30}), {{40, 30}}).bytes;
  const auto model = stripped_tiny(true);
  EXPECT_TRUE(decode(model, file, {}));
  EXPECT_TRUE(decode(model, file, {.size = Size{40, 30}}));
  const auto refused = decode(model, file, {.size = Size{80, 60}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kModel);
  EXPECT_NE(refused.error().message.find("below 40x30"), std::string::npos) << refused.error().message;
}

TEST_F(Stripped, NothingIsEncoded) {
  const Image picture = test_picture({30, 20});
  const Rgb8Image larger(Size{300, 200});
  for (const bool base_only : {false, true}) {
    Encoder encoder(stripped_tiny(base_only), {.threads = 1});
    const auto refused = encoder.encode(picture, {.sizes = {{30, 20}}});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kModel);
    EXPECT_NE(refused.error().message.find("only what decoding needs"), std::string::npos);
    const auto appended = encoder.append(file_, larger.view(), {});
    ASSERT_FALSE(appended);
    EXPECT_NE(appended.error().message.find("only what decoding needs"), std::string::npos);
  }
}

}  // namespace
}  // namespace compass
