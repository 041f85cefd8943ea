// Which latents and coefficients blocks hold, and whole pictures of them.
#include "codec/layer_blocks.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "codec/testing/tiled.h"
#include "core/sanitized.h"

namespace compass {
namespace {

std::string text(Size size) {
  return fmt::format("{}x{}", size.width, size.height);
}

// Whatever strides a model has, blocks cover all positions once, and no block but the last is cut short.
TEST(BlockPlaces, BlocksCoverEveryPositionOnce) {
  for (const int stride : {1, 3, 16, 64, 100, 600, 5000}) {
    for (const Size layer : {Size{4097, 1}, {1, 4609}, {2049, 1024}, {5000, 3000}, {1025, 1537}}) {
      const Size positions{(layer.width + stride - 1) / stride, (layer.height + stride - 1) / stride};
      const BlockPlaces places(latent_grid(layer), positions, kLatentBlockSide, stride);
      std::vector<int> seen(positions.pixels());
      for (int64_t block = 0; block < places.grid().pixels(); ++block) {
        const Rect at = places.positions(block);
        ASSERT_GE(at.width, 0);
        ASSERT_GE(at.height, 0);
        for (int y = at.y; y < at.y + at.height; ++y) {
          for (int x = at.x; x < at.x + at.width; ++x) {
            ++seen[static_cast<size_t>(y) * positions.width + x];
            const Rect holding = places.holding({x, y, 1, 1});
            ASSERT_EQ(holding, (Rect{static_cast<int>(block % places.grid().width),
                                     static_cast<int>(block / places.grid().width), 1, 1}));
          }
        }
      }
      EXPECT_TRUE(std::ranges::all_of(seen, [](int n) { return n == 1; })) << text(layer) << "/" << stride;
      EXPECT_EQ(places.positions(whole(places.grid())), whole(positions));
    }
  }
}

TEST(BlockPlaces, EveryRegionOfTheFilterIsInOneBlock) {
  for (const Size layer : {Size{1, 1}, {768, 512}, {4097, 1}, {2049, 1025}, {1500, 3333}}) {
    std::vector<int> seen(FilterRegions(layer).count());
    for (int64_t block = 0; block < latent_grid(layer).pixels(); ++block) {
      for (const size_t region : block_regions(layer, block)) ++seen[region];
    }
    EXPECT_TRUE(std::ranges::all_of(seen, [](int n) { return n == 1; })) << text(layer);
  }
}

// One pixel below and above the limit, strips, and squares; with a search, so that coefficients are coded.
class TiledSizes : public testing::TestWithParam<std::vector<Size>> {};

// In exact arithmetic: elsewhere a block equals its part of the whole only up to rounding (docs/numerics.md).
TEST_P(TiledSizes, DecoderGivesTheEncodersReconstruction) {
  const auto& sizes = GetParam();
  const Image picture = test_picture(sizes.back());
  Encoder encoder(tiny_model(), {.threads = 1, .precision = Precision::kExact});
  const auto encoded = encode(encoder, picture, sizes, 1);
  for (const int threads : {2, 3}) {
    Encoder several(tiny_model(), {.threads = threads, .precision = Precision::kExact});
    EXPECT_EQ(encode(several, picture, sizes, 1).bytes, encoded.bytes) << threads << " threads";
  }
  for (const int threads : {1, 3}) {
    Decoder decoder(tiny_model(), {.threads = threads, .precision = Precision::kExact});
    for (size_t k = 0; k < sizes.size(); ++k) {
      MemorySource source(encoded.bytes);
      const auto decoded = must_decode(decoder, source, {.layer = static_cast<int>(k), .strict = true});
      EXPECT_EQ(largest_difference(decoded.image, encoded.reconstructions[k]), 0.0) << "layer " << k;
    }
  }
  const auto header = *parse_header(encoded.bytes)->header;
  for (const LayerEntry& layer : header.layers) EXPECT_EQ(layer.index_bytes > 0, is_tiled(layer.size));
}

// Rows of one pixel are slow to filter, and with a sanitizer twenty times as slow.
constexpr int kTall = kSanitized ? 4500 : 14005;
INSTANTIATE_TEST_SUITE_P(Geometry, TiledSizes,
                         testing::Values(std::vector<Size>{{4096, 1}}, std::vector<Size>{{4097, 1}},
                                         std::vector<Size>{{1, 4096}}, std::vector<Size>{{1, 4097}},
                                         std::vector<Size>{{4097, 3}, {4097, 3}},
                                         std::vector<Size>{{1, kTall / 2}, {3, kTall}},
                                         std::vector<Size>{{70000, 1}}, std::vector<Size>{{1, 5 * kTall}},
                                         std::vector<Size>{{2065, 33}, {4623, 71}}));

}  // namespace
}  // namespace compass
