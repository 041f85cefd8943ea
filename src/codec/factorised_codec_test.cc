// Codecs with a factorised prior: as the base of a scalable model and alone, whole, in part, and searched.
#include <gtest/gtest.h>

#include <cmath>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "codec/testing/pictures.h"
#include "entropy/escape.h"
#include "model_writer/random_model.h"
#include "networks/networks.h"

namespace compass {
namespace {

std::shared_ptr<const Model> layered_model() {
  static const std::shared_ptr<const Model> model = *random_model("lite-factorised");
  return model;
}

DecodedPicture decode(Decoder& decoder, std::span<const uint8_t> bytes, const DecodeSettings& settings = {}) {
  MemorySource source(bytes);
  auto decoded = decoder.decode(source, settings);
  EXPECT_TRUE(decoded) << decoded.error().message;
  return *std::move(decoded);
}

TEST(FactorisedCodec, SaysWhatAHyperpriorWould) {
  const auto model = layered_model();
  ThreadPool pool(1);
  nn::Context context(pool);
  CodecNetworks networks(model, CodecKind::kBase, context);
  const Size picture{50, 33};
  EXPECT_EQ(networks.hyper_size(picture), (Size{0, 0}));
  const HyperParameters known = networks.hyper_synthesise({}, picture, {1, 0, 2, 3});
  const int m = networks.latent_channels();
  ASSERT_EQ(known.indexes.size(), static_cast<size_t>(2 * 3 * m));
  ASSERT_EQ(known.means.size(), known.indexes.size());
  for (size_t i = 0; i < known.indexes.size(); ++i) {
    const auto channel = static_cast<int>(i % m);
    EXPECT_EQ(known.indexes[i], 1 + channel);
    EXPECT_EQ(known.means.data[i], 0.25F * static_cast<float>(channel % 5) - 0.5F);
  }
  const CodecNetworks::Cost cost = networks.cost(picture);
  EXPECT_EQ(cost.h_a, 0.0);
  EXPECT_EQ(cost.h_s, 0.0);
  EXPECT_GT(cost.g_s, 0.0);
}

TEST(FactorisedCodec, DecoderGivesTheEncodersReconstruction) {
  for (const int effort : {0, 2}) {
    for (const auto& sizes :
         {std::vector<Size>{{1, 1}}, {{17, 31}}, {{1, 1}, {2, 1}, {3, 7}}, {{50, 35}, {60, 42}, {90, 63}}}) {
      Encoder encoder(layered_model(), {.threads = 1});
      EncodeSettings settings{
          .sizes = sizes, .effort = effort, .measure = true, .keep_reconstructions = true};
      const auto encoded = encoder.encode(test_picture(sizes.back()), settings);
      ASSERT_TRUE(encoded) << encoded.error().message;
      Decoder decoder(layered_model(), {.threads = 2});
      for (size_t k = 0; k < sizes.size(); ++k) {
        const auto decoded = decode(decoder, encoded->bytes, {.layer = static_cast<int>(k)});
        EXPECT_TRUE(decoded.damage.empty());
        EXPECT_EQ(largest_difference(decoded.image, encoded->reconstructions[k]), 0.0)
            << "layer " << k << " effort " << effort;
      }
    }
  }
}

// What y's tables say that the symbols take, and nothing for a hyperprior: two or three bytes more at most.
TEST(FactorisedCodec, BytesAreThoseOfTheTables) {
  const auto model = layered_model();
  const Size size{90, 61};
  const Image picture = test_picture(size);
  Encoder encoder(model, {.threads = 1});
  EncodeSettings settings{.sizes = {size}, .effort = 0};
  const auto encoded = encoder.encode(picture, settings);
  ASSERT_TRUE(encoded) << encoded.error().message;
  ThreadPool pool(1);
  nn::Context context(pool);
  CodecNetworks networks(model, CodecKind::kBase, context);
  Tensor x(3, size.height, size.width);
  for (int c = 0; c < 3; ++c) {
    for (int row = 0; row < size.height; ++row) {
      for (int i = 0; i < size.width; ++i) x.at(c, row, i) = picture.row(c, row)[i];
    }
  }
  const Tensor y = networks.analyse(x, nullptr, {model->rate_position(settings.quality)});
  const HyperParameters known = networks.hyper_synthesise({}, size);
  const auto symbols = quantise(y, known.means);
  double bits = 0.0;
  for (size_t i = 0; i < symbols.size(); ++i) {
    bits += symbol_bits(model->latent_tables(CodecKind::kBase).row(known.indexes[i]), symbols[i]);
  }
  const auto header = parse_header(encoded->bytes);
  ASSERT_TRUE(header && header->header);
  const double bytes = static_cast<double>(header->header->layers[0].bytes);
  EXPECT_GE(bytes, bits / 8.0);
  EXPECT_LE(bytes, bits / 8.0 * 1.001 + 4.0);
}

// A layer of several blocks, none of which has a z: parts are read without the rest.
TEST(FactorisedCodec, ARegionOfATiledLayerEqualsTheCrop) {
  const Size size{1041, 1030};
  Encoder encoder(layered_model(), {.precision = Precision::kF32});
  const auto encoded = encode(encoder, test_picture(size), {size});
  Decoder decoder(layered_model(), {.precision = Precision::kF32});
  const auto all = decode(decoder, encoded.bytes);
  EXPECT_TRUE(all.damage.empty());
  const Rect region{600, 20, 100, 300};
  const auto part = decode(decoder, encoded.bytes, {.region = region, .strict = true});
  ASSERT_EQ(part.image.size(), region.size());
  double largest = 0.0;
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < region.height; ++y) {
      for (int x = 0; x < region.width; ++x) {
        const double want = all.image.row(c, region.y + y)[region.x + x];
        largest = std::max(largest, std::abs(part.image.row(c, y)[x] - want));
      }
    }
  }
  EXPECT_LT(largest, 1e-3);
  MemorySource source(encoded.bytes);
  const auto ranges = decoder.byte_ranges(source, {.region = region});
  ASSERT_TRUE(ranges) << ranges.error().message;
  uint64_t read = 0;
  for (const ByteRange& range : *ranges) read += range.bytes;
  EXPECT_LT(read, encoded.bytes.size() * 3 / 4);
}

}  // namespace
}  // namespace compass
