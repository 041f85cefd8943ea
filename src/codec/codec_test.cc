// Encoder and decoder together, on the tiny model: same pixels, any size, any ratio.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "codec/latent_coder.h"
#include "codec/layer_analysis.h"
#include "codec/layer_synthesis.h"
#include "codec/testing/pictures.h"
#include "entropy/escape.h"
#include "entropy/exp_golomb.h"
#include "entropy/layer_coder.h"
#include "entropy/trellis_coder.h"
#include "image/resize.h"

namespace compass {
namespace {

DecodedPicture decode(Decoder& decoder, std::span<const uint8_t> bytes, const DecodeSettings& settings = {}) {
  MemorySource source(bytes);
  auto decoded = decoder.decode(source, settings);
  EXPECT_TRUE(decoded) << decoded.error().message;
  return *std::move(decoded);
}

struct Pyramid {
  std::vector<Size> sizes;
};

class CodecSizes : public testing::TestWithParam<Pyramid> {};

TEST_P(CodecSizes, DecoderGivesTheEncodersReconstruction) {
  const auto& sizes = GetParam().sizes;
  Encoder encoder(tiny_model(), {.threads = 1});
  const auto encoded = encode(encoder, test_picture(sizes.back()), sizes);
  ASSERT_EQ(encoded.layers.size(), sizes.size());
  Decoder decoder(tiny_model(), {.threads = 2});
  for (size_t k = 0; k < sizes.size(); ++k) {
    const auto decoded = decode(decoder, encoded.bytes, {.layer = static_cast<int>(k)});
    EXPECT_TRUE(decoded.damage.empty());
    ASSERT_EQ(decoded.image.size(), sizes[k]);
    EXPECT_EQ(largest_difference(decoded.image, encoded.reconstructions[k]), 0.0) << "layer " << k;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Geometry, CodecSizes,
    testing::Values(Pyramid{{{1, 1}}}, Pyramid{{{1, 1}, {1, 1}}}, Pyramid{{{1, 1}, {2, 1}, {3, 7}}},
                    Pyramid{{{16, 16}}}, Pyramid{{{17, 31}}}, Pyramid{{{48, 32}, {96, 64}, {192, 128}}},
                    Pyramid{{{40, 40}, {40, 40}}},            // 1.0
                    Pyramid{{{50, 35}, {60, 42}, {90, 63}}},  // 1.2, 1.5
                    Pyramid{{{25, 18}, {70, 50}}},            // 2.8
                    Pyramid{{{21, 11}, {126, 66}}},           // 6
                    Pyramid{{{33, 47}, {33, 94}, {99, 95}}},  // one axis at a time
                    Pyramid{
                        {{5, 3}, {7, 4}, {9, 6}, {13, 8}, {18, 11}, {26, 16}, {37, 22}, {52, 31}, {74, 44}}},
                    Pyramid{{{1, 300}, {2, 301}}}, Pyramid{{{1, 1}, {200, 150}}}));

// Layers of their own qualities with maps of noise, with and without a search: the decoder follows, whole and
// in part.
TEST(Codec, QualityMapsAreFollowed) {
  const std::vector<Size> sizes = {{70, 33}, {140, 131}, {200, 131}};
  const Image picture = test_picture(sizes.back());
  Encoder encoder(tiny_model(), {.threads = 2});
  for (const int effort : {0, 2}) {
    EncodeSettings settings{.sizes = sizes, .effort = effort, .measure = true, .keep_reconstructions = true};
    settings.layer_qualities = {20.0, 50.0, 70.0};
    for (size_t k = 0; k < sizes.size(); ++k) {
      QualityMap map;
      const int count = static_cast<int>(quality_squares(sizes[k]).pixels());
      for (int i = 0; i < count; ++i) map.offsets.push_back(static_cast<int8_t>(i * 37 % 201 - 100));
      settings.quality_maps.push_back(k == 1 ? QualityMap{} : map);
    }
    const auto encoded = encoder.encode(picture, settings);
    ASSERT_TRUE(encoded) << encoded.error().message;
    Decoder decoder(tiny_model(), {.threads = 1});
    for (size_t k = 0; k < sizes.size(); ++k) {
      const auto decoded = decode(decoder, encoded->bytes, {.layer = static_cast<int>(k)});
      EXPECT_TRUE(decoded.damage.empty());
      EXPECT_EQ(largest_difference(decoded.image, encoded->reconstructions[k]), 0.0) << "layer " << k;
    }
    const auto part = decode(decoder, encoded->bytes, {.region = Rect{60, 50, 90, 70}});
    ASSERT_EQ(part.image.size(), (Size{90, 70}));
    double largest = 0.0;
    for (int c = 0; c < 3; ++c) {
      for (int y = 0; y < 70; ++y) {
        for (int x = 0; x < 90; ++x) {
          const double want = encoded->reconstructions.back().row(c, 50 + y)[60 + x];
          largest = std::max(largest, std::abs(part.image.row(c, y)[x] - want));
        }
      }
    }
    EXPECT_LT(largest, 1e-3);
  }
}

TEST(Codec, QualitiesThatMakeNoSenseAreRefused) {
  Encoder encoder(tiny_model(), {.threads = 1});
  const Image picture = test_picture({70, 40});
  const auto code = [&](const EncodeSettings& settings) {
    const auto encoded = encoder.encode(picture, settings);
    EXPECT_FALSE(encoded);
    return encoded ? ErrorCode::kFailure : encoded.error().code;
  };
  const std::vector<Size> sizes = {{35, 20}, {70, 40}};
  EXPECT_EQ(code({.sizes = sizes, .layer_qualities = {50.0}}), ErrorCode::kUsage);
  EXPECT_EQ(code({.sizes = sizes, .layer_qualities = {50.0, 101.0}}), ErrorCode::kUsage);
  EXPECT_EQ(code({.sizes = sizes, .layer_qualities = {std::nan(""), 50.0}}), ErrorCode::kUsage);
  EXPECT_EQ(code({.sizes = sizes, .quality_maps = {{}}}), ErrorCode::kUsage);
  EXPECT_EQ(code({.sizes = sizes, .quality_maps = {{}, {{1, 2, 3}}}}), ErrorCode::kUsage);
  EXPECT_EQ(code({.sizes = sizes, .quality_maps = {{}, {{101, 0}}}}), ErrorCode::kUsage);
}

TEST(Codec, ARegionEqualsTheCropOfTheWhole) {
  Encoder encoder(tiny_model(), {.precision = Precision::kF32});
  const std::vector<Size> sizes = {{61, 47}, {122, 95}, {243, 190}};
  const auto encoded = encode(encoder, test_picture(sizes.back()), sizes);
  Decoder decoder(tiny_model(), {.precision = Precision::kF32});
  const auto full = decode(decoder, encoded.bytes);
  for (const Rect region : {Rect{0, 0, 1, 1}, Rect{242, 189, 1, 1}, Rect{50, 60, 70, 33},
                            Rect{0, 0, 243, 190}, Rect{200, 100, 43, 90}}) {
    const auto part = decode(decoder, encoded.bytes, {.region = region});
    ASSERT_EQ(part.image.size(), region.size());
    for (int c = 0; c < 3; ++c) {
      for (int y = 0; y < region.height; ++y) {
        for (int x = 0; x < region.width; ++x) {
          ASSERT_NEAR(part.image.row(c, y)[x], full.image.row(c, region.y + y)[region.x + x], 1e-5);
        }
      }
    }
  }
}

TEST(Codec, AnySizeCanBeAskedFor) {
  Encoder encoder(tiny_model());
  const std::vector<Size> sizes = {{30, 20}, {60, 40}};
  const auto encoded = encode(encoder, test_picture(sizes.back()), sizes);
  Decoder decoder(tiny_model());
  for (const Size size : {Size{1, 1}, Size{30, 20}, Size{29, 7}, Size{45, 30}, Size{60, 40}, Size{61, 40},
                          Size{100, 100}, Size{200, 10}}) {
    const auto decoded = decode(decoder, encoded.bytes, {.size = size});
    EXPECT_EQ(decoded.image.size(), size);
  }
  // Shrinking starts from the smallest layer that holds the size.
  const auto small = decode(decoder, encoded.bytes, {.size = Size{15, 10}});
  EXPECT_EQ(small.layer, 0);
  EXPECT_EQ(largest_difference(small.image, resize(encoded.reconstructions[0], {15, 10})), 0.0);
}

TEST(Codec, LowerLayersDecodeFromAPrefix) {
  Encoder encoder(tiny_model());
  const std::vector<Size> sizes = {{24, 16}, {48, 32}, {96, 64}};
  const auto encoded = encode(encoder, test_picture(sizes.back()), sizes);
  Decoder decoder(tiny_model());
  const auto header = *parse_header(encoded.bytes)->header;
  for (int k = 0; k < 3; ++k) {
    const auto prefix = std::span(encoded.bytes).first(header.layers[k].end());
    const auto exact = decode(decoder, prefix, {.layer = k});
    EXPECT_TRUE(exact.damage.empty());
    EXPECT_EQ(largest_difference(exact.image, encoded.reconstructions[k]), 0.0);
    // Asked for everything, a prefix gives what it has and says what is missing.
    const auto best = decode(decoder, prefix);
    EXPECT_EQ(best.layer, k);
    EXPECT_EQ(best.damage.empty(), k == 2);
  }
}

TEST(Codec, DamageCostsOnlyTheLayersFromThereOn) {
  Encoder encoder(tiny_model());
  const std::vector<Size> sizes = {{24, 16}, {48, 32}, {96, 64}};
  const auto encoded = encode(encoder, test_picture(sizes.back()), sizes);
  const auto header = *parse_header(encoded.bytes)->header;
  Decoder decoder(tiny_model());
  for (int k = 0; k < 3; ++k) {
    auto bytes = encoded.bytes;
    bytes[header.layers[k].offset + 1] ^= 0x10;
    MemorySource source(bytes);
    const auto decoded = decoder.decode(source);
    if (k == 0) {
      ASSERT_FALSE(decoded);
      EXPECT_EQ(decoded.error().code, ErrorCode::kDamaged);
      continue;
    }
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->layer, k - 1);
    EXPECT_EQ(decoded->damage.size(), 1U);
    EXPECT_EQ(largest_difference(decoded->image, encoded.reconstructions[k - 1]), 0.0);
    MemorySource again(bytes);
    const auto strict = decoder.decode(again, {.strict = true});
    ASSERT_FALSE(strict);
    EXPECT_EQ(strict.error().code, ErrorCode::kDamaged);
  }
}

TEST(Codec, ThreadCountChangesNothing) {
  const std::vector<Size> sizes = {{60, 44}, {120, 88}, {333, 201}};
  const Image picture = test_picture(sizes.back());
  Encoder one(tiny_model(), {.threads = 1});
  const auto expected = encode(one, picture, sizes);
  for (const int threads : {2, 3}) {
    Encoder several(tiny_model(), {.threads = threads});
    const auto encoded = encode(several, picture, sizes);
    EXPECT_EQ(encoded.bytes, expected.bytes);
    for (size_t k = 0; k < sizes.size(); ++k) {
      EXPECT_EQ(largest_difference(encoded.reconstructions[k], expected.reconstructions[k]), 0.0);
    }
  }
}

TEST(Codec, QualityRaisesTheRate) {
  Encoder encoder(tiny_model());
  const Image picture = test_picture({96, 64});
  EncodeSettings low{.sizes = {{96, 64}}, .quality = 0};
  EncodeSettings high{.sizes = {{96, 64}}, .quality = 100};
  EXPECT_LT(encoder.encode(picture, low)->bytes.size(), encoder.encode(picture, high)->bytes.size());
}

// Information of y's coded symbols under the model, in bits.
double coded_bits(const LayerLatents& latents, const std::optional<TrellisLayout>& trellis,
                  const CdfTables& tables) {
  double bits = 0.0;
  if (!trellis) {
    for (size_t i = 0; i < latents.y.size(); ++i) {
      if (latents.indexes[i] != 0) bits += symbol_bits(tables.row(latents.indexes[i]), latents.y[i]);
    }
    return bits;
  }
  const size_t stride = static_cast<size_t>(trellis->width) * trellis->channels;
  const TrellisOffsets offsets(stride, trellis->channels);
  TrellisOrder order;
  for (const Rect block : trellis_blocks(latents.held.size())) {
    const size_t first = block.y * stride + static_cast<size_t>(block.x) * trellis->channels;
    order.load(latents.indexes.data() + first, stride, block.size(), trellis->channels);
    EXPECT_TRUE(
        for_trellis_symbols(order, *trellis, tables.rows() / 2, offsets, latents.y.data() + first,
                            [&](int row, int32_t symbol) { bits += symbol_bits(tables.row(row), symbol); }));
  }
  return bits;
}

// Information of the symbols under the model, in bits: what an ideal coder would spend.
double ideal_bits(const LayerLatents& latents, const std::optional<TrellisLayout>& trellis,
                  const CdfTables& z_tables, const CdfTables& y_tables) {
  double bits = coded_bits(latents, trellis, y_tables);
  for (size_t i = 0; i < latents.z.size(); ++i) {
    bits += symbol_bits(z_tables.row(static_cast<int>(i % z_tables.rows())), latents.z[i]);
  }
  // Elements of scale index 0 are 0 but for exceptions (docs/bitstream.md): which ones, and their values.
  double zeros = 0.0, exceptions = 0.0;
  for (size_t i = 0; i < latents.y.size(); ++i) {
    if (latents.indexes[i] != 0) continue;
    const int32_t symbol = trellis ? latents.y[i] / 2 : latents.y[i];
    (symbol == 0 ? zeros : exceptions) += 1.0;
    if (symbol != 0) bits += exp_golomb_bits(symbol > 0 ? 2 * (symbol - 1) : -2 * symbol - 1);
  }
  for (const double n : {zeros, exceptions}) {
    if (n > 0.0) bits += n * std::log2((zeros + exceptions) / n);
  }
  return bits;
}

TEST(Codec, StreamsAreAsLongAsTheModelEstimates) {
  const auto model = shipped_model();
  ThreadPool pool(2);
  nn::Context context(pool);
  PyramidNetworks networks(model, context);
  TileBuffers buffers;
  LayerAnalysis analysis(networks, buffers);
  LayerSynthesis synthesis(networks, buffers);
  const std::vector<Size> sizes = {{192, 128}, {384, 256}};
  const Image picture = test_picture(sizes[1]);
  for (const float rate : {1.0F, 2.5F, 4.0F}) {
    const SpatialLayer base{sizes, 0, rate};
    const Original original(picture);
    constexpr auto kReconstruct = LayerAnalysis::Next::kReconstruct;
    const auto low = analysis.quantise(base, analysis.analyse(base, original, nullptr), kReconstruct);
    ImageView below = synthesis.reconstruct(base, low, nullptr, whole(sizes[0]));
    const SpatialLayer top{sizes, 1, rate};
    PredictionWindow prediction =
        synthesis.predict(top, below, whole(sizes[1]), PredictionWindow::Passed::kMadeAgain);
    const auto high = analysis.quantise(top, analysis.analyse(top, original, &prediction), kReconstruct);
    for (const bool is_top : {false, true}) {
      const auto& latents = is_top ? high : low;
      const CodecKind kind = is_top ? CodecKind::kEnhancement : CodecKind::kBase;
      const auto& z_tables = model->hyper_tables(kind);
      const auto& y_tables = model->latent_tables(kind);
      const auto trellis = trellis_layout(*model, is_top ? top : base, latents.y_hat.width);
      const auto bytes = encode_layer(
          {latents.z, latents.y, latents.indexes, latents.coefficients, latents.coefficients.size(), trellis},
          z_tables, y_tables);
      ASSERT_TRUE(bytes);
      const double estimate = ideal_bits(latents, trellis, z_tables, y_tables);
      EXPECT_NEAR(bytes->size() * 8.0, estimate, 0.01 * estimate + 24)
          << "rate " << rate << " top " << is_top;
    }
  }
}

TEST(Codec, SenselessRequestsAreRefused) {
  Encoder encoder(tiny_model(), {.max_pixels = 10000});
  const Image picture = test_picture({64, 48});
  const auto code = [&](std::vector<Size> sizes, double quality = 50) {
    const auto result = encoder.encode(picture, {.sizes = std::move(sizes), .quality = quality});
    EXPECT_FALSE(result);
    return result.error().code;
  };
  EXPECT_EQ(code({}), ErrorCode::kUsage);
  EXPECT_EQ(code({{32, 24}}), ErrorCode::kUsage);
  EXPECT_EQ(code({{0, 24}, {64, 48}}), ErrorCode::kUsage);
  EXPECT_EQ(code({{65, 24}, {64, 48}}), ErrorCode::kUsage);
  EXPECT_EQ(code({{64, 48}}, -1), ErrorCode::kUsage);
  EXPECT_EQ(code({{64, 48}}, 100.1), ErrorCode::kUsage);
  EXPECT_EQ(code({{64, 48}}, std::nan("")), ErrorCode::kUsage);
  const Image large = test_picture({128, 128});
  const auto over = encoder.encode(large, {.sizes = {{128, 128}}});
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, ErrorCode::kBadFile);
}

}  // namespace
}  // namespace compass
