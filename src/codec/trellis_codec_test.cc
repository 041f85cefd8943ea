// Whole files of a model whose y is quantised dependently.
#include <gtest/gtest.h>

#include <optional>

#include "bitstream/blocks.h"
#include "codec/decoder.h"
#include "codec/encoder.h"
#include "codec/latent_coder.h"
#include "codec/layer_analysis.h"
#include "codec/layer_search.h"
#include "codec/layer_synthesis.h"
#include "codec/symbol_search.h"
#include "codec/testing/pictures.h"

namespace compass {
namespace {

TEST(TrellisCodec, DecodersSeeWhatTheEncoderMade) {
  Encoder encoder(tiny_trellis_model(), {.threads = 2});
  Decoder decoder(tiny_trellis_model(), {.threads = 1});
  for (const auto& sizes : {std::vector<Size>{{1, 1}}, std::vector<Size>{{1, 1}, {2, 1}, {3, 7}},
                            std::vector<Size>{{25, 18}, {70, 50}}, std::vector<Size>{{3, 300}, {6, 600}},
                            std::vector<Size>{{290, 47}, {290, 94}, {580, 95}}}) {
    for (const int effort : {0, 3}) {
      for (const double quality : {39.9, 80.0}) {
        EncodeSettings settings;
        settings.sizes = sizes;
        settings.quality = quality;
        settings.effort = effort;
        settings.measure = settings.keep_reconstructions = true;
        const auto encoded = encoder.encode(test_picture(sizes.back()), settings);
        ASSERT_TRUE(encoded) << encoded.error().message;
        for (size_t k = 0; k < sizes.size(); ++k) {
          MemorySource source(encoded->bytes);
          const auto decoded = decoder.decode(source, {.layer = static_cast<int>(k)});
          ASSERT_TRUE(decoded) << decoded.error().message;
          EXPECT_TRUE(decoded->damage.empty());
          EXPECT_EQ(largest_difference(decoded->image, encoded->reconstructions[k]), 0.0)
              << "layer " << k << ", effort " << effort << ", quality " << quality;
        }
      }
    }
  }
}

TEST(TrellisCodec, ThreadsAndMeasuringChangeNothing) {
  const std::vector<Size> sizes = {{160, 91}, {640, 363}};
  const Image picture = test_picture(sizes.back());
  for (const int effort : {0, 2}) {
    Encoder one(tiny_trellis_model(), {.threads = 1});
    const auto expected = encode(one, picture, sizes, effort);
    Encoder three(tiny_trellis_model(), {.threads = 3});
    EXPECT_EQ(encode(three, picture, sizes, effort).bytes, expected.bytes);
    const auto unmeasured = three.encode(picture, {.sizes = sizes, .effort = effort});
    ASSERT_TRUE(unmeasured);
    EXPECT_EQ(unmeasured->bytes, expected.bytes);
  }
}

// Each model reads its own files alone.
TEST(TrellisCodec, IsAnotherModel) {
  const std::vector<Size> sizes = {{64, 48}};
  Encoder encoder(tiny_trellis_model());
  Decoder decoder(tiny_model());
  const EncodedPicture encoded = encode(encoder, test_picture(sizes[0]), sizes);
  MemorySource source(encoded.bytes);
  const auto decoded = decoder.decode(source, {});
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kModel);
}

// Blocks of a tiled layer are paths of their own, and a part of it needs those alone that it lies in.
TEST(TrellisCodec, TiledLayersAndTheirParts) {
  const std::vector<Size> sizes = {{1570, 1545}};
  ASSERT_TRUE(is_tiled(sizes[0]));
  Encoder encoder(tiny_trellis_model(), {.threads = 2});
  Decoder decoder(tiny_trellis_model(), {.threads = 2});
  const auto encoded = encode(encoder, test_picture(sizes[0]), sizes);
  MemorySource source(encoded.bytes);
  const auto decoded = decoder.decode(source, {.strict = true});
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(largest_difference(decoded->image, encoded.reconstructions[0]), 0.0);
  const Rect part{1005, 700, 130, 90};
  MemorySource again(encoded.bytes);
  const auto region = decoder.decode(again, {.region = part, .strict = true});
  ASSERT_TRUE(region) << region.error().message;
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < part.height; ++y) {
      for (int x = 0; x < part.width; ++x) {
        ASSERT_NEAR(region->image.row(c, y)[x], decoded->image.row(c, part.y + y)[part.x + x], 1e-4);
      }
    }
  }
}

// Tiles hold whole blocks of the trellis, whatever side they would have.
TEST(TrellisCodec, SearchesInTiles) {
  const auto model = tiny_trellis_model();
  ThreadPool pool(2);
  nn::Context context(pool, Precision::kF32);
  const std::vector<Size> sizes = {{1100, 1050}};
  const Image picture = test_picture(sizes[0]);
  const Original original(picture);
  PyramidNetworks networks(model, context);
  TileBuffers buffers;
  LayerAnalysis analysis(networks, buffers);
  LayerSearch layer_search(networks, buffers);
  ASSERT_TRUE(networks.make_search());
  networks.limit_tiles(100);
  const SpatialLayer place{sizes, 0, 1.5F};
  EXPECT_EQ(analysis_side(networks, place) % kTrellisBlock, 0);
  EXPECT_GT(analysis_tiles(networks, place).size(), 1U);
  Tensor y = analysis.analyse(place, original, nullptr);
  auto latents = analysis.quantise(place, std::move(y), LayerAnalysis::Next::kSearch);
  SymbolSearch search(model->latent_tables(CodecKind::kBase), 2);
  layer_search.run(place, original, nullptr, search, latents);
  const auto layout = trellis_layout(*model, place, latents.held.width);
  const auto bytes =
      encode_layer({latents.z, latents.y, latents.indexes, latents.coefficients,
                    static_cast<size_t>(networks.filter(0).directions), layout},
                   model->hyper_tables(CodecKind::kBase), model->latent_tables(CodecKind::kBase));
  ASSERT_TRUE(bytes) << bytes.error().message;
  // What decoding adds to the means is what the search left.
  Tensor back = latents.means;
  auto decoder = LayerDecoder::open(*bytes);
  ASSERT_TRUE(decoder);
  std::vector<int32_t> coefficients(latents.coefficients.size());
  std::vector<int32_t> z(latents.z.size());
  ASSERT_TRUE(decoder->decode_coefficients(networks.filter(0).directions, coefficients));
  ASSERT_TRUE(decoder->decode_z(model->hyper_tables(CodecKind::kBase), z));
  const Status decoded = decode_latents(*model, place, *decoder, back.width, latents.indexes, back.data);
  ASSERT_TRUE(decoded) << decoded.error().message;
  for (size_t i = 0; i < back.size(); ++i) {
    ASSERT_FLOAT_EQ(back.data[i], latents.y_hat.data[i]) << i;
  }
}

}  // namespace
}  // namespace compass
