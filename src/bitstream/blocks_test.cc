#include "bitstream/blocks.h"

#include <gtest/gtest.h>

#include <string>

#include "bitstream/byte_io.h"
#include "bitstream/container.h"

namespace compass {
namespace {

using Bytes = std::vector<uint8_t>;

TEST(Blocks, OnlyLayersOfMoreThanEightBlocksAreTiled) {
  for (const Size size : {Size{1, 1}, Size{768, 512}, Size{512, 768}, Size{1024, 1024}, Size{2048, 1024},
                          Size{4096, 1}, Size{1, 4096}, Size{512, 4096}}) {
    EXPECT_FALSE(is_tiled(size)) << size.width << "x" << size.height;
    EXPECT_EQ(latent_grid(size), (Size{1, 1}));
    EXPECT_EQ(hyper_grid(size), (Size{1, 1}));
    EXPECT_EQ(listed_blocks(size), 0);
  }
  struct Tiled {
    Size size, y, z;
  };
  for (const auto& [size, y, z] : {Tiled{{2049, 1024}, {5, 2}, {2, 1}}, Tiled{{1025, 1025}, {3, 3}, {1, 1}},
                                   Tiled{{4097, 1}, {9, 1}, {3, 1}}, Tiled{{1, 4097}, {1, 9}, {1, 3}},
                                   Tiled{{11520, 8640}, {23, 17}, {6, 5}},
                                   Tiled{{kMaxSide, kMaxSide}, {1 << 20, 1 << 20}, {1 << 18, 1 << 18}}}) {
    EXPECT_TRUE(is_tiled(size));
    EXPECT_EQ(latent_grid(size), y);
    EXPECT_EQ(hyper_grid(size), z);
    EXPECT_EQ(listed_blocks(size), y.pixels() + z.pixels());
  }
}

// A layer of 1x4097 pixels, 9 blocks of y and 3 of z, in a file of its own.
struct OneLayer {
  std::vector<Bytes> z{{1, 2}, {}, {4, 5, 6}};
  std::vector<Bytes> y{{9}, Bytes(200, 7), {}, {}, {1}, {2}, {3}, {4}, {5, 6}};
  LayerStream stream = join_blocks(z, y);
  LayerEntry entry() const {
    return {.size = {1, 4097},
            .bytes = stream.bytes.size(),
            .checksum = checksum(std::span(stream.bytes).first(stream.index_bytes)),
            .offset = 1000,
            .index_bytes = stream.index_bytes};
  }
  Result<BlockIndex> index() const {
    return parse_block_index(entry(), std::span(stream.bytes).first(stream.index_bytes));
  }
};

TEST(Blocks, TheIndexSaysWhereBlocksLie) {
  const OneLayer layer;
  EXPECT_EQ(layer.stream.index_bytes, 12U * 5 + 1);
  const auto index = layer.index();
  ASSERT_TRUE(index.ok()) << index.error().message;
  uint64_t at = 1000 + layer.stream.index_bytes;
  const auto check = [&](const std::vector<Bytes>& blocks, const std::vector<BlockEntry>& entries) {
    ASSERT_EQ(entries.size(), blocks.size());
    for (size_t i = 0; i < blocks.size(); ++i) {
      EXPECT_EQ(entries[i].range, (ByteRange{at, blocks[i].size()}));
      const auto bytes = std::span(layer.stream.bytes).subspan(at - 1000, blocks[i].size());
      EXPECT_EQ(Bytes(bytes.begin(), bytes.end()), blocks[i]);
      EXPECT_TRUE(verify_block(entries[i], bytes).ok());
      at += blocks[i].size();
    }
  };
  check(layer.z, index->z);
  check(layer.y, index->y);
  EXPECT_EQ(at, layer.entry().end());
}

// Indexes that lie, with checksums that fit: none is taken that does not list the layer's bytes one by one.
TEST(Blocks, AnIndexThatLiesIsRefused) {
  const OneLayer layer;
  const auto refused = [&](const Bytes& index, uint64_t stream_bytes) {
    LayerEntry entry = layer.entry();
    entry.index_bytes = index.size();
    entry.bytes = stream_bytes;
    const auto parsed = parse_block_index(entry, index);
    EXPECT_TRUE(parsed.ok() || parsed.error().code == ErrorCode::kDamaged);
    return !parsed.ok();
  };
  const Bytes good(layer.stream.bytes.begin(),
                   layer.stream.bytes.begin() + static_cast<std::ptrdiff_t>(layer.stream.index_bytes));
  const uint64_t all = layer.stream.bytes.size();
  EXPECT_FALSE(refused(good, all));
  EXPECT_TRUE(refused(good, all - 1));  // overlap with what follows
  EXPECT_TRUE(refused(good, all + 1));  // a gap
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_TRUE(refused({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)}, all));
  }
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_TRUE(refused(longer, all + 1));
  // A block less, and one more: the rest is as long as before.
  EXPECT_TRUE(refused({good.begin() + 5, good.end()}, all - 7));
  Bytes more = good;
  more.insert(more.begin(), good.begin(), good.begin() + 5);
  EXPECT_TRUE(refused(more, all + 7));
  // Lengths beyond what a block takes, whose sum would overflow or just fit.
  ByteWriter huge;
  for (int i = 0; i < 12; ++i) {
    huge.varint((uint64_t{1} << 56) - 1);
    huge.u32(0);
  }
  EXPECT_TRUE(refused(huge.bytes(), all));
  ByteWriter one;
  one.varint(max_stream_bytes(int64_t{kHyperBlockSide} * kHyperBlockSide) + 1);
  one.u32(0);
  for (int i = 1; i < 12; ++i) {
    one.varint(0);
    one.u32(0);
  }
  const uint64_t index_bytes = one.bytes().size();
  EXPECT_TRUE(refused(one.bytes(), index_bytes + max_stream_bytes(int64_t{1} << 22) + 1));
  // A length in more bytes than it needs.
  Bytes padded = good;
  padded[0] |= 0x80;
  padded.insert(padded.begin() + 1, 0);
  EXPECT_TRUE(refused(padded, all + 1));
}

// The example of docs/bitstream.md.
TEST(Blocks, GoldenTiledLayer) {
  ContainerContents contents;
  contents.decoder = {0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0xF6, 0x07, 0x18};
  const Bytes a{0x0A};
  const Bytes b{0x0B, 0x0B};
  contents.layers = {
      {{1, 4097},
       500,
       join_blocks(std::vector<Bytes>{a, {}, {}}, std::vector<Bytes>{b, {}, {}, {}, {}, {}, {}, {}, {}})}};
  const auto file = write_container(contents);
  ASSERT_TRUE(file.ok());
  std::string hex;
  for (const uint8_t byte : *file) {
    constexpr const char* kDigits = "0123456789abcdef";
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  const std::string pair = "00055dcc0200055dcc02";
  EXPECT_EQ(hex,
            "c34d5010a1b2c3d4e5f6071801f401"  // signature, version, decoder, one layer, quality 50.0
            "018120"                          // 1 x 4097
            "3f3c"                            // 63 bytes, 60 of them the index
            "cf2ae6b6"                        // its checksum
            "f1220dab"                        // of the header
            "0152d3c981" +
                pair +                                      // z: a byte, two empty blocks
                "025fba9ba0" + pair + pair + pair + pair +  // y: two bytes, eight empty blocks
                "0a0b0b");
}

TEST(Blocks, RangesThatTouchAreMerged) {
  EXPECT_EQ(merged({}), std::vector<ByteRange>{});
  EXPECT_EQ(merged({{5, 0}}), std::vector<ByteRange>{});
  EXPECT_EQ(merged({{20, 5}, {0, 10}, {10, 3}, {14, 6}, {13, 0}}),
            (std::vector<ByteRange>{{0, 13}, {14, 11}}));
}

}  // namespace
}  // namespace compass
