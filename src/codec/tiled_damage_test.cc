// What damage to a tiled layer costs.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "codec/layer_streams.h"
#include "codec/receiver.h"
#include "codec/testing/tiled.h"

namespace compass {
namespace {

TEST_F(Tiled, ALostBlockCostsItsPartOfTheLayer) {
  const auto whole_index = index(1);
  for (const size_t block : {size_t{0}, size_t{4}, size_t{8}}) {
    auto bytes = encoded().bytes;
    const ByteRange lost = whole_index.y[block].range;
    bytes[lost.offset + lost.bytes / 2] ^= 4;
    MemorySource source(bytes);
    const auto decoded = must_decode(decoder_, source, {.layer = 1});
    EXPECT_EQ(decoded.layer, 1);
    ASSERT_EQ(decoded.damage.size(), 1U);
    const Rect at =
        block_pixels(sizes()[1], {static_cast<int>(block % 3), static_cast<int>(block / 3), 1, 1});
    const std::string place = fmt::format("layer 1: its part of the {}x{} pixels at {},{} is lost", at.width,
                                          at.height, at.x, at.y);
    EXPECT_EQ(decoded.damage[0].find(place), 0U) << decoded.damage[0];
    // Far from the block nothing changes; inside, something does, and stays near.
    double inside = 0.0;
    const Image& good = encoded().reconstructions[1];
    const Rect near = grown(at, 100, sizes()[1]);
    for (int c = 0; c < 3; ++c) {
      for (int y = 0; y < good.height(); ++y) {
        for (int x = 0; x < good.width(); ++x) {
          const double d = std::abs(decoded.image.row(c, y)[x] - good.row(c, y)[x]);
          const bool is_near =
              x >= near.x && x < near.x + near.width && y >= near.y && y < near.y + near.height;
          if (!is_near) {
            ASSERT_EQ(d, 0.0) << x << "," << y;
          }
          inside = std::max(inside, d);
        }
      }
    }
    EXPECT_GT(inside, 0.0);
    MemorySource again(bytes);
    const auto strict = decoder_.decode(again, {.layer = 1, .strict = true});
    ASSERT_FALSE(strict);
    EXPECT_EQ(strict.error().code, ErrorCode::kDamaged);
    // Where the block is not needed, nothing is lost.
    const Rect other = block == 0 ? Rect{900, 900, 50, 50} : Rect{10, 10, 50, 50};
    MemorySource once_more(bytes);
    EXPECT_TRUE(must_decode(decoder_, once_more, {.layer = 1, .region = other}).damage.empty());
  }
}

// Of z: the blocks of y that its hyper-latents reach, those of its 2048 pixels and their neighbours.
TEST_F(Tiled, ALostBlockOfZCostsWhatDependsOnIt) {
  Encoder encoder(tiny_model());
  const auto strip = encode(encoder, test_picture({6200, 20}), {{3100, 10}, {6200, 20}});
  auto bytes = strip.bytes;
  const auto table = *parse_header(bytes)->header;
  const ByteRange at = table.layers[1].index();
  const auto blocks = *read_index(table, 1, std::span(bytes).subspan(at.offset, at.bytes));
  ASSERT_EQ(blocks.z.size(), 4U);
  bytes[blocks.z[3].range.offset] ^= 1;  // of pixels 6144 to 6199
  MemorySource source(bytes);
  const auto decoded = must_decode(decoder_, source);
  EXPECT_EQ(decoded.layer, 1);
  ASSERT_EQ(decoded.damage.size(), 1U);
  EXPECT_EQ(decoded.damage[0].find("layer 1: its part of the 568x20 pixels at 5632,0 is lost"), 0U)
      << decoded.damage[0];
  MemorySource again(bytes);
  EXPECT_TRUE(must_decode(decoder_, again, {.region = Rect{5000, 0, 64, 20}}).damage.empty());
  // All of z: nothing of the layer is left.
  for (const BlockEntry& block : blocks.z) bytes[block.range.offset] ^= 3;
  MemorySource once_more(bytes);
  EXPECT_EQ(must_decode(decoder_, once_more).layer, 0);
}

TEST_F(Tiled, ALostIndexCostsTheLayer) {
  for (const int k : {1, 2}) {
    auto bytes = encoded().bytes;
    bytes[header().layers[k].offset + 7] ^= 1;
    MemorySource source(bytes);
    const auto decoded = must_decode(decoder_, source);
    EXPECT_EQ(decoded.layer, k - 1);
    EXPECT_EQ(decoded.damage.size(), 1U);
    MemorySource again(bytes);
    const auto ranges = decoder_.byte_ranges(again);
    ASSERT_FALSE(ranges);
    EXPECT_EQ(ranges.error().code, ErrorCode::kDamaged);
  }
}

// Blocks whose checksums are right and whose symbols are not, and blocks that changed places.
TEST_F(Tiled, BlocksThatMakeNoSenseAreLost) {
  const auto contents_with = [&](const auto& change) {
    const auto& bytes = encoded().bytes;
    std::vector<std::vector<uint8_t>> z, y;
    const auto take = [&](const std::vector<BlockEntry>& entries, auto& blocks) {
      for (const BlockEntry& entry : entries) {
        const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(entry.range.offset);
        blocks.emplace_back(first, first + static_cast<std::ptrdiff_t>(entry.range.bytes));
      }
    };
    take(index(1).z, z);
    take(index(1).y, y);
    change(z, y);
    ContainerContents contents;
    contents.decoder = header().decoder;
    const LayerEntry base = header().layers[0];
    const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(base.offset);
    contents.layers = {{base.size, base.quality, {{first, first + static_cast<std::ptrdiff_t>(base.bytes)}}},
                       {header().layers[1].size, header().layers[1].quality, join_blocks(z, y)}};
    return *write_container(contents);
  };
  using Blocks = std::vector<std::vector<uint8_t>>;
  const auto damage_after = [&](const auto& change) {
    const auto bytes = contents_with(change);
    MemorySource source(bytes);
    const auto decoded = must_decode(decoder_, source);
    for (int c = 0; c < 3; ++c) {
      EXPECT_TRUE(std::ranges::all_of(decoded.image.plane(c), [](float v) { return std::isfinite(v); }));
    }
    return decoded.damage;
  };
  EXPECT_TRUE(damage_after([](Blocks&, Blocks&) {}).empty());
  EXPECT_EQ(damage_after([](Blocks&, Blocks& y) { y[4].assign(40'000, 0x5A); }).size(), 1U);
  EXPECT_EQ(damage_after([](Blocks&, Blocks& y) { y[0].push_back(1); }).size(), 1U);
  EXPECT_FALSE(damage_after([](Blocks&, Blocks& y) { std::swap(y[0], y[1]); }).empty());
  EXPECT_FALSE(damage_after([](Blocks& z, Blocks&) { z[0].assign(9, 0xA5); }).empty());
}

// A file that ends inside a tiled layer shows what there is of it.
TEST_F(Tiled, APrefixShowsItsBlocks) {
  const auto& bytes = encoded().bytes;
  const BlockIndex blocks = index(1);
  struct Cut {
    uint64_t length;
    int layer;
  };
  for (const auto& [length, layer] :
       {Cut{header().layers[1].offset + 3, 0}, Cut{blocks.y[0].range.offset, 0},
        Cut{blocks.y[0].range.end(), 1}, Cut{blocks.y[5].range.end() - 1, 1},
        Cut{blocks.y[8].range.end() - 1, 1}, Cut{header().layers[1].end(), 1}}) {
    const auto prefix = std::span(bytes).first(length);
    MemorySource source(prefix);
    const auto decoded = must_decode(decoder_, source, {.layer = 1});
    EXPECT_EQ(decoded.layer, layer) << length;
    EXPECT_EQ(decoded.damage.empty(), length == header().layers[1].end());
    Pipe pipe(prefix);
    EXPECT_EQ(largest_difference(must_decode(decoder_, pipe, {.layer = 1}).image, decoded.image), 0.0);
  }
}

// Every prefix and many flips of a small file, as far as symbols, which is where damage shows; some of them
// to the picture: an error of a fitting kind, or a word about what was lost.
TEST(TiledDamage, EveryPrefixAndManyFlips) {
  Encoder encoder(tiny_model(), {.threads = 1});
  const auto encoded = encoder.encode(test_picture({1, 4097}), {.sizes = {{1, 4097}}, .quality = 0.0});
  ASSERT_TRUE(encoded);
  const std::vector<uint8_t>& file = encoded->bytes;
  Decoder decoder(tiny_model(), {.threads = 1});
  ThreadPool pool(1);
  nn::Context context(pool, Precision::kF32);
  PyramidNetworks networks(tiny_model(), context);
  TileBuffers buffers;
  LayerSynthesis synthesis(networks, buffers);
  const CodecOptions options;
  int pictures = 0;
  const auto is_fitting = [](ErrorCode code) {
    return code == ErrorCode::kBadFile || code == ErrorCode::kDamaged || code == ErrorCode::kModel;
  };
  const auto check = [&](std::span<const uint8_t> bytes, size_t at, const char* what) {
    MemorySource source(bytes);
    auto received = Receiver(source, synthesis, networks, options).receive({});
    if (!received) {
      EXPECT_TRUE(is_fitting(received.error().code)) << what << at;
    } else {
      (void)read_layers(networks, synthesis, received->sizes, std::move(received->layers), received->damage);
      EXPECT_FALSE(received->damage.empty()) << what << at;
    }
    if (at % 29 != 0) return;
    MemorySource again(bytes);
    const auto decoded = decoder.decode(again);
    if (!decoded) {
      EXPECT_TRUE(is_fitting(decoded.error().code)) << what << at;
      return;
    }
    ++pictures;
    EXPECT_FALSE(decoded->damage.empty()) << what << at;
    EXPECT_EQ(decoded->size(), (Size{1, 4097}));
  };
  for (size_t length = 0; length < file.size(); ++length) {
    check(std::span(file).first(length), length, "prefix of ");
  }
  for (size_t at = 0; at < file.size(); ++at) {
    auto bytes = file;
    bytes[at] ^= static_cast<uint8_t>(1 << at % 8);
    check(bytes, at, "flip in byte ");
  }
  EXPECT_GT(pictures, 10);
}

}  // namespace
}  // namespace compass
