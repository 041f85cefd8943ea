#include "bitstream/container.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

namespace compass {
namespace {

std::vector<uint8_t> noise(size_t count, uint32_t seed) {
  std::mt19937 rng(seed);
  std::vector<uint8_t> bytes(count);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(rng());
  return bytes;
}

// A layer's stream of about so many bytes; a tiled layer's has as many in each block.
LayerStream stream_of(Size layer, size_t bytes, uint32_t seed) {
  if (!is_tiled(layer)) return {noise(bytes, seed), 0};
  std::vector<std::vector<uint8_t>> z, y;
  while (z.size() < static_cast<size_t>(hyper_grid(layer).pixels())) z.push_back(noise(bytes / 3, ++seed));
  while (y.size() < static_cast<size_t>(latent_grid(layer).pixels())) y.push_back(noise(bytes, ++seed));
  y.back().clear();
  return join_blocks(z, y);
}

// Three layers of a Kodak picture, about as many bytes as they take.
ContainerContents typical() {
  return {{0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0xF6, 0x07, 0x18},
          {{{192, 128}, 500, noise(1900, 1)},
           {{384, 256}, 500, noise(7000, 2)},
           {{768, 512}, 500, noise(21000, 3)}},
          {}};
}

ContainerContents with_metadata() {
  ContainerContents contents = typical();
  contents.layers[1].size = {300, 129};
  contents.layers[1].quality = 0;
  contents.layers[2].quality = 1000;
  contents.layers[1].map.offsets.assign(15, 30);
  contents.layers[1].map.offsets[7] = -100;
  contents.metadata = {
      {MetadataChunk::kIcc, noise(700, 4)}, {MetadataChunk::kXmp, {}}, {0xFFFFFFFF, noise(3, 5)}};
  return contents;
}

ContainerContents with_tiled() {
  ContainerContents contents = with_metadata();
  const Size size{4097, 129};  // 9 blocks of y, 3 of z
  contents.layers.insert(contents.layers.begin() + 2, {size, 300, stream_of(size, 100, 9)});
  contents.layers[3].size = {4100, 512};
  contents.layers[3].stream = stream_of(contents.layers[3].size, 40, 70);
  return contents;
}

// Alpha of all forms: a byte, a block, an index and blocks (2x2 of them).
ContainerContents with_alpha() {
  ContainerContents contents = with_metadata();
  contents.kinds.alpha = true;
  contents.layers[0].alpha = {noise(1, 8), 0};
  contents.layers[1].alpha = {noise(77, 9), 0};
  contents.layers[2].size = {768, 513};
  contents.layers[2].alpha =
      join_alpha(std::vector{noise(50, 10), noise(1, 11), noise(3, 12), noise(140, 13)});
  return contents;
}

ContainerHeader header_of(std::span<const uint8_t> file) {
  auto parsed = parse_header(file);
  EXPECT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_TRUE(parsed->header.has_value());
  return parsed->header.value_or(ContainerHeader());
}

std::span<const uint8_t> slice(std::span<const uint8_t> file, uint64_t offset, uint64_t bytes) {
  return file.subspan(offset, bytes);
}

// Whatever was written is read back, and lies where the header says.
void expect_round_trip(const ContainerContents& contents) {
  const auto file = write_container(contents);
  ASSERT_TRUE(file.ok()) << file.error().message;
  const ContainerHeader header = header_of(*file);
  EXPECT_EQ(header.decoder, contents.decoder);
  EXPECT_EQ(header.file_bytes(), file->size());
  ASSERT_EQ(header.layers.size(), contents.layers.size());
  for (size_t k = 0; k < header.layers.size(); ++k) {
    const LayerEntry& layer = header.layers[k];
    EXPECT_EQ(layer.size, contents.layers[k].size);
    EXPECT_EQ(layer.quality, contents.layers[k].quality);
    const auto payload = slice(*file, layer.offset, layer.bytes);
    EXPECT_EQ((std::vector<uint8_t>{payload.begin(), payload.end()}), contents.layers[k].stream.bytes);
    EXPECT_EQ(layer.index_bytes, contents.layers[k].stream.index_bytes);
    EXPECT_TRUE(verify_layer(header, static_cast<int>(k), payload).ok());
    const auto map =
        read_quality_map(header, static_cast<int>(k), slice(*file, layer.begin(), layer.map_bytes));
    ASSERT_TRUE(map.ok()) << map.error().message;
    EXPECT_EQ(*map, contents.layers[k].map);
    const auto alpha = slice(*file, layer.alpha_offset(), layer.alpha.bytes);
    EXPECT_EQ((std::vector<uint8_t>{alpha.begin(), alpha.end()}), contents.layers[k].alpha.bytes);
    EXPECT_EQ(layer.alpha.index_bytes, contents.layers[k].alpha.index_bytes);
    EXPECT_EQ(verify_alpha(header, static_cast<int>(k), alpha).ok(), contents.kinds.alpha);
  }
  EXPECT_EQ(header.kinds, contents.kinds);
  const auto metadata = read_metadata(header, slice(*file, header.bytes, header.metadata_bytes()));
  ASSERT_TRUE(metadata.ok());
  EXPECT_EQ(*metadata, contents.metadata);
}

TEST(Container, RoundTrips) {
  expect_round_trip(typical());
  expect_round_trip(with_metadata());
  expect_round_trip(with_tiled());
  expect_round_trip(with_alpha());
  ContainerContents smallest{{}, {{{1, 1}, 0, {}}}, {}};
  expect_round_trip(smallest);
  ContainerContents most = smallest;
  while (most.layers.size() < 255) {
    const Size below = most.layers.back().size;
    const int k = static_cast<int>(most.layers.size());
    most.layers.push_back({{below.width + k % 3, below.height + k % 20}, k, noise(k, k)});
  }
  expect_round_trip(most);
}

TEST(Container, RandomRoundTrips) {
  std::mt19937 rng(1);
  for (int round = 0; round < 300; ++round) {
    ContainerContents contents;
    for (uint8_t& byte : contents.decoder) byte = static_cast<uint8_t>(rng());
    Size size{1 + static_cast<int>(rng() % 50), 1 + static_cast<int>(rng() % 50)};
    for (size_t layers = 1 + rng() % 6; layers > 0; --layers) {
      contents.layers.push_back(
          {size, static_cast<int>(rng() % 1001), stream_of(size, rng() % 300, static_cast<uint32_t>(rng()))});
      const auto grown = [&](int side) { return side + side * static_cast<int>(rng() % 5) / 2; };
      size = {grown(size.width), grown(size.height)};
    }
    for (size_t chunks = rng() % 3; chunks > 0; --chunks) {
      contents.metadata.push_back({static_cast<uint32_t>(rng()), noise(rng() % 100, rng())});
    }
    expect_round_trip(contents);
  }
}

TEST(Container, SidesUpToTheLargest) {
  ContainerLimits limits;
  limits.max_pixels = std::numeric_limits<int64_t>::max();
  const auto parsed_with = [&](int side) {
    ContainerHeader header;
    const auto index = [](Size size) { return kMinBlockEntryBytes * listed_blocks(size); };
    const Size strip{1, kMaxSide};
    const Size square{side, side};
    header.layers = {
        {.size = strip, .bytes = index(strip) + 5, .checksum = 1, .index_bytes = index(strip)},
        {.size = square, .bytes = uint64_t{1} << 48, .checksum = 2, .index_bytes = index(square)}};
    const auto bytes = serialise_header(header);
    EXPECT_TRUE(bytes.ok());
    return parse_header(*bytes, limits);
  };
  const auto parsed = parsed_with(kMaxSide);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->header->layers[1].size, (Size{kMaxSide, kMaxSide}));
  EXPECT_EQ(parsed->header->layers[1].bytes, uint64_t{1} << 48);
  for (const int side : {kMaxSide + 1, std::numeric_limits<int>::max()}) {
    const auto refused = parsed_with(side);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kBadFile);
  }
}

TEST(Container, GoldenHeader) {
  ContainerContents contents = typical();
  contents.layers[0].stream.bytes = {1, 2, 3};
  contents.layers[1].stream.bytes = {};
  contents.layers[2].stream.bytes = std::vector<uint8_t>(200, 7);
  contents.layers[2].size = {769, 600};
  const auto file = *write_container(contents);
  std::string hex;
  for (const uint8_t byte : std::span(file).first(header_of(file).bytes)) {
    constexpr const char* kDigits = "0123456789abcdef";
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  EXPECT_EQ(hex,
            "c34d50"            // signature
            "10"                // version 1.0
            "a1b2c3d4e5f60718"  // decoder
            "03"                // layers
            "f401"              // quality 50.0, no flags
            "c0018001"          // 192 x 128
            "03c4789cf5"        // 3 bytes, checksum
            "77"                // twice as large: 384 x 256
            "00055dcc02"        // 0 bytes, checksum
            "8fd802"            // width twice and 1 more: 769; height 344 more: 600
            "c80114bec40a"      // 200 bytes, checksum
            "c600d5b4");        // checksum of all of this
}

TEST(Container, ThreeLayersOverheadIsAtMost44Bytes) {
  const auto file = *write_container(typical());
  EXPECT_LE(header_of(file).bytes, 44U);
}

TEST(Container, EveryPrefixOfTheHeaderAsksForMore) {
  for (const ContainerContents& contents : {typical(), with_metadata(), with_tiled(), with_alpha()}) {
    const auto file = *write_container(contents);
    const ContainerHeader header = header_of(file);
    for (size_t length = 0; length < header.bytes; ++length) {
      const auto parsed = parse_header(std::span(file).first(length));
      ASSERT_TRUE(parsed.ok()) << parsed.error().message;
      ASSERT_FALSE(parsed->header.has_value());
      EXPECT_GT(parsed->need, length);
      EXPECT_LE(parsed->need, header.bytes);
    }
    // A reader that starts with nothing gets there without reading past the header.
    size_t have = 0;
    int fetches = 0;
    for (auto parsed = parse_header({}); !parsed->header;
         parsed = parse_header(std::span(file).first(have))) {
      have = parsed->need;
      ++fetches;
    }
    EXPECT_EQ(have, header.bytes);
    EXPECT_LE(fetches, 40);
  }
}

TEST(Container, EveryPrefixHoldsItsWholeLayers) {
  const auto file = *write_container(with_metadata());
  const ContainerHeader header = header_of(file);
  for (size_t length = header.bytes; length <= file.size(); ++length) {
    const auto parsed = parse_header(std::span(file).first(length));
    ASSERT_TRUE(parsed.ok() && parsed->header.has_value());
    EXPECT_EQ(*parsed->header, header);
    int whole = 0;
    while (whole < 3 && header.layers[whole].end() <= length) ++whole;
    ASSERT_EQ(whole_layers(header, length), whole);
  }
  EXPECT_EQ(whole_layers(header, 0), 0);
  EXPECT_EQ(whole_layers(header, std::numeric_limits<uint64_t>::max()), 3);
}

TEST(Container, EveryFlippedByteIsNoticed) {
  for (const ContainerContents& contents : {typical(), with_metadata(), with_alpha()}) {
    const auto file = *write_container(contents);
    const ContainerHeader header = header_of(file);
    for (size_t at = 0; at < header.layers[1].end(); ++at) {
      for (int flip = 1; flip < 256; flip += at < header.bytes ? 1 : 61) {
        auto damaged = file;
        damaged[at] = static_cast<uint8_t>(damaged[at] ^ flip);
        const auto parsed = parse_header(damaged);
        if (at < header.bytes) {
          // An error, or a header that seems to go on: never a header that is not the one written.
          ASSERT_TRUE(!parsed.ok() || !parsed->header) << "byte " << at << " ^ " << flip;
          continue;
        }
        ASSERT_TRUE(parsed.ok() && parsed->header);
        const bool metadata_fine =
            read_metadata(header, slice(damaged, header.bytes, header.metadata_bytes())).ok();
        ASSERT_EQ(metadata_fine, at >= header.layers[0].offset || header.metadata.empty());
        for (int k = 0; k < 2; ++k) {
          const LayerEntry& layer = header.layers[k];
          const bool hit = at >= layer.offset && at < layer.alpha_offset();
          ASSERT_EQ(verify_layer(header, k, slice(damaged, layer.offset, layer.bytes)).ok(), !hit);
          const bool map_hit = at >= layer.begin() && at < layer.offset;
          ASSERT_EQ(read_quality_map(header, k, slice(damaged, layer.begin(), layer.map_bytes)).ok(),
                    !map_hit);
        }
      }
    }
  }
}

TEST(Container, NoiseIsNeverAHeader) {
  std::mt19937 rng(9);
  const auto file = *write_container(typical());
  for (uint32_t round = 0; round < 20000; ++round) {
    auto bytes = noise(rng() % 300, rng());
    // Most noise gets past the signature and the version.
    const size_t kept = std::min<size_t>(bytes.size(), rng() % 30);
    std::copy_n(file.begin(), kept, bytes.begin());
    const auto parsed = parse_header(bytes);
    if (!parsed.ok()) {
      EXPECT_EQ(parsed.error().code, ErrorCode::kBadFile);
      continue;
    }
    EXPECT_FALSE(parsed->header.has_value());
    EXPECT_GT(parsed->need, bytes.size());
    EXPECT_LE(parsed->need, kMaxHeaderBytes);
  }
}

TEST(Container, LimitsAreCheckedOnTheHeaderAlone) {
  ContainerHeader header;
  const Size huge{65535, 65535};
  const uint64_t index = 6 * listed_blocks(huge);
  header.layers = {{.size = huge, .quality = 500, .bytes = index + 30, .index_bytes = index}};
  const auto bytes = *serialise_header(header);
  EXPECT_LE(bytes.size(), 64U);
  const auto refused = parse_header(bytes);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kBadFile);
  EXPECT_NE(refused.error().message.find("65535x65535"), std::string::npos);

  const auto file = *write_container(with_metadata());
  ContainerLimits limits;
  limits.max_layers = 2;
  EXPECT_FALSE(parse_header(file, limits).ok());
  limits.max_layers = 3;
  limits.max_pixels = 768 * 512;
  EXPECT_TRUE(parse_header(file, limits).ok());
  limits.max_pixels -= 1;
  EXPECT_FALSE(parse_header(file, limits).ok());
  limits.max_pixels += 1;
  limits.max_metadata_bytes = 703;
  EXPECT_TRUE(parse_header(file, limits).ok());
  limits.max_metadata_bytes = 702;
  EXPECT_FALSE(parse_header(file, limits).ok());
}

TEST(Container, OtherVersions) {
  auto file = *write_container(typical());
  const size_t covered = header_of(file).bytes - 4;
  const auto reseal = [&] {
    const uint32_t sum = checksum(std::span(file).first(covered));
    for (int i = 0; i < 4; ++i) file[covered + i] = static_cast<uint8_t>(sum >> (8 * i));
  };
  file[3] = 0x17;  // 1.7
  reseal();
  EXPECT_EQ(header_of(file).minor_version, 7);
  file[3] = 0x20;  // 2.0
  reseal();
  EXPECT_FALSE(parse_header(file).ok());
  EXPECT_NE(parse_header(file).error().message.find("version 2"), std::string::npos);
}

TEST(Container, StreamsOfAnotherKindAreRefused) {
  auto file = *write_container(typical());
  file[14] |= 0x10;
  const auto parsed = parse_header(file);
  ASSERT_FALSE(parsed.ok());
  EXPECT_NE(parsed.error().message.find("does not know"), std::string::npos);
}

TEST(Container, LaterMinorVersionsMayExtendTheHeader) {
  const auto file = *write_container(typical());
  const ContainerHeader header = header_of(file);
  std::vector<uint8_t> extended(file.begin(), file.begin() + static_cast<ptrdiff_t>(header.bytes) - 4);
  extended[3] = 0x11;
  extended[14] |= 0x20;  // the extension's flag
  extended.insert(extended.end(), {5, 'l', 'a', 't', 'e', 'r'});
  const uint32_t sum = checksum(extended);
  for (int i = 0; i < 4; ++i) extended.push_back(static_cast<uint8_t>(sum >> (8 * i)));
  const ContainerHeader read = header_of(extended);
  EXPECT_EQ(read.bytes, header.bytes + 6);
  EXPECT_EQ(read.layers.back().size, header.layers.back().size);
  EXPECT_EQ(read.layers.front().offset, header.layers.front().offset + 6);
}

TEST(Container, RefusesToWriteWhatItWouldNotRead) {
  const auto refused = [](auto change) {
    ContainerContents contents = typical();
    change(contents);
    const auto file = write_container(contents);
    EXPECT_TRUE(file.ok() || file.error().code == ErrorCode::kUsage);
    return !file.ok();
  };
  EXPECT_FALSE(refused([](ContainerContents&) {}));
  EXPECT_TRUE(refused([](ContainerContents& c) { c.layers.clear(); }));
  EXPECT_TRUE(refused([](ContainerContents& c) { c.layers.resize(256, c.layers.back()); }));
  EXPECT_TRUE(refused([](ContainerContents& c) { c.layers[1].size.width = 191; }));
  EXPECT_TRUE(refused([](ContainerContents& c) { c.layers[2].size.height = 255; }));
  EXPECT_TRUE(refused([](ContainerContents& c) { c.layers[0].size.height = 0; }));
  EXPECT_TRUE(refused([](ContainerContents& c) { c.layers[0].quality = 1001; }));
  EXPECT_TRUE(refused([](ContainerContents& c) { c.layers[0].quality = -1; }));
  EXPECT_TRUE(refused([](ContainerContents& c) { c.metadata.resize(65); }));
}

// Of tiled layers every byte of every block is covered, too: by the index.
TEST(Container, EveryFlippedByteOfATiledLayerIsNoticed) {
  const auto file = *write_container(with_tiled());
  const ContainerHeader header = header_of(file);
  const LayerEntry& layer = header.layers[2];
  ASSERT_TRUE(is_tiled(layer.size));
  const auto index = read_index(header, 2, slice(file, layer.offset, layer.index_bytes));
  ASSERT_TRUE(index.ok());
  for (uint64_t at = layer.offset; at < layer.end(); ++at) {
    auto damaged = file;
    damaged[at] ^= static_cast<uint8_t>(1 << at % 8);
    ASSERT_FALSE(verify_layer(header, 2, slice(damaged, layer.offset, layer.bytes)).ok()) << at;
    ASSERT_EQ(read_index(header, 2, slice(damaged, layer.offset, layer.index_bytes)).ok(),
              at >= layer.index().end());
    for (const auto* blocks : {&index->z, &index->y}) {
      for (const BlockEntry& block : *blocks) {
        const bool hit = at >= block.range.offset && at < block.range.end();
        ASSERT_EQ(verify_block(block, slice(damaged, block.range.offset, block.range.bytes)).ok(), !hit);
      }
    }
  }
}

TEST(Container, ATiledLayerNeedsAnIndexThatFits) {
  for (const bool tiled : {false, true}) {
    ContainerContents contents = with_tiled();
    LayerStream& stream = contents.layers[tiled ? 2 : 1].stream;
    const uint64_t blocks = tiled ? 12 : 0;
    for (const uint64_t bytes : {kMinBlockEntryBytes * blocks, kMaxBlockEntryBytes * blocks}) {
      stream.index_bytes = bytes;
      EXPECT_TRUE(write_container(contents).ok());
    }
    stream.index_bytes = kMaxBlockEntryBytes * blocks + 1;
    EXPECT_FALSE(write_container(contents).ok());
    if (!tiled) continue;
    stream.index_bytes = kMinBlockEntryBytes * blocks - 1;
    EXPECT_FALSE(write_container(contents).ok());
    stream.index_bytes = kMinBlockEntryBytes * blocks;
    stream.bytes.resize(stream.index_bytes - 1);
    EXPECT_FALSE(write_container(contents).ok());
  }
}

TEST(Container, KindsRoundTrip) {
  for (int byte = 1; byte < 16; ++byte) {
    ContainerContents contents = (byte & 1) != 0 ? with_alpha() : with_metadata();
    contents.metadata.push_back({MetadataChunk::kIcc, noise(40, 3)});
    contents.kinds = {(byte & 1) != 0, (byte & 2) != 0, (byte & 4) != 0, (byte & 8) != 0};
    expect_round_trip(contents);
  }
}

TEST(Container, UnknownKindsAreRefused) {
  const auto file = *write_container(with_alpha());
  const size_t covered = header_of(file).bytes - 4;
  for (const int byte : {0x00, 0x11, 0x21, 0x41, 0x81}) {
    auto changed = file;
    changed[15] = static_cast<uint8_t>(byte);
    const uint32_t sum = checksum(std::span(changed).first(covered));
    for (int i = 0; i < 4; ++i) changed[covered + i] = static_cast<uint8_t>(sum >> (8 * i));
    const auto parsed = parse_header(changed);
    ASSERT_FALSE(parsed.ok()) << byte;
    EXPECT_NE(parsed.error().message.find("kind"), std::string::npos);
  }
}

TEST(Container, EveryFlippedByteOfAlphaIsNoticed) {
  const auto file = *write_container(with_alpha());
  const ContainerHeader header = header_of(file);
  for (int k = 0; k < 3; ++k) {
    const LayerEntry& layer = header.layers[k];
    for (uint64_t at = layer.alpha_offset(); at < layer.end(); ++at) {
      auto damaged = file;
      damaged[at] ^= static_cast<uint8_t>(1 << at % 8);
      const auto alpha = slice(damaged, layer.alpha_offset(), layer.alpha.bytes);
      ASSERT_EQ(verify_alpha(header, k, alpha).error().code, ErrorCode::kDamaged) << at;
      ASSERT_FALSE(verify_alpha(header, k, alpha.first(at - layer.alpha_offset())).ok());
      ASSERT_TRUE(verify_layer(header, k, slice(damaged, layer.offset, layer.bytes)).ok());
    }
  }
}

TEST(Container, AlphaThatNoLayerHasIsRefused) {
  const auto refused = [](auto change) {
    ContainerContents contents = with_alpha();
    change(contents);
    return !write_container(contents).ok();
  };
  EXPECT_FALSE(refused([](ContainerContents&) {}));
  EXPECT_TRUE(refused([](ContainerContents& c) { c.layers[1].alpha = {}; }));
  EXPECT_TRUE(refused([](ContainerContents& c) { c.kinds.alpha = false; }));
  EXPECT_TRUE(refused([](ContainerContents& c) { c.layers[1].alpha.index_bytes = 5; }));
  EXPECT_TRUE(refused([](ContainerContents& c) { c.layers[2].alpha.index_bytes = 0; }));
  EXPECT_TRUE(refused([](ContainerContents& c) { c.layers[2].alpha.index_bytes = 4 * 12 + 1; }));
  EXPECT_TRUE(refused([](ContainerContents& c) {
    c.layers[0] = {{1, 1}, 0, {}, {}, {std::vector<uint8_t>(53, 1), 0}};  // more than a sample takes
  }));
  EXPECT_TRUE(refused([](ContainerContents& c) {
    c.kinds.own_colours = true;
    c.metadata.clear();
  }));
}

TEST(Container, AnAlphaIndexListsJustItsBytes) {
  const Size size{768, 513};
  const LayerStream stream = with_alpha().layers[2].alpha;
  const std::span<const uint8_t> index = std::span(stream.bytes).first(stream.index_bytes);
  const auto parsed = [&](std::span<const uint8_t> bytes, uint64_t all, uint64_t index_bytes) {
    return parse_alpha_index({.size = size, .bytes = 9, .offset = 30, .alpha = {all, index_bytes, 0}}, bytes);
  };
  const auto blocks = parsed(index, stream.bytes.size(), stream.index_bytes);
  ASSERT_TRUE(blocks.ok());
  ASSERT_EQ(blocks->size(), 4U);
  EXPECT_EQ((*blocks)[0].range.offset, 39 + stream.index_bytes);
  EXPECT_EQ((*blocks)[1].range.bytes, 1U);
  EXPECT_EQ((*blocks)[3].range.end(), 39 + stream.bytes.size());
  EXPECT_FALSE(parsed(index, stream.bytes.size() + 1, stream.index_bytes).ok());
  EXPECT_FALSE(parsed(index, stream.bytes.size() - 1, stream.index_bytes).ok());
  for (size_t length = 0; length < index.size(); ++length) {
    EXPECT_FALSE(parsed(index.first(length), stream.bytes.size(), stream.index_bytes).ok());
    EXPECT_FALSE(parsed(index.first(length), stream.bytes.size(), length).ok());
  }
  // Lengths that are 0, or run over.
  for (const uint8_t length : {0, 127}) {
    std::vector<uint8_t> changed(index.begin(), index.end());
    changed[5] = length;  // of the second block
    EXPECT_FALSE(parsed(changed, stream.bytes.size(), stream.index_bytes).ok());
  }
}

TEST(AlphaBlocks, CoverALayer) {
  for (const Size size : {Size{1, 1}, Size{512, 512}, Size{513, 1}, Size{1, 1025}, Size{1300, 700}}) {
    const Size grid = alpha_grid(size);
    int64_t pixels = 0;
    for (int64_t i = 0; i < grid.pixels(); ++i) {
      const Rect block = alpha_block(size, i);
      pixels += block.size().pixels();
      const Rect at = alpha_blocks(block);
      EXPECT_EQ(at.size(), (Size{1, 1}));
      EXPECT_EQ(int64_t{at.y} * grid.width + at.x, i);
    }
    EXPECT_EQ(pixels, size.pixels());
    EXPECT_EQ(alpha_blocks(whole(size)).size(), grid);
  }
  EXPECT_EQ(alpha_blocks({511, 512, 2, 1}), (Rect{0, 1, 2, 1}));
}

TEST(AlphaBlocks, AConstantPlaneIsOneByte) {
  const std::vector<std::vector<uint8_t>> same(6, {200});
  EXPECT_EQ(join_alpha(same).bytes, (std::vector<uint8_t>{200}));
  std::vector<std::vector<uint8_t>> different = same;
  different[5] = {201};
  EXPECT_EQ(join_alpha(different).index_bytes, 30U);
  EXPECT_EQ(join_alpha(different).bytes.size(), 36U);
  EXPECT_EQ(join_alpha(std::vector<std::vector<uint8_t>>(2, {1, 2})).index_bytes, 10U);
}

TEST(Container, ExtractKeepsAlpha) {
  const auto file = *write_container(with_alpha());
  const ContainerHeader header = header_of(file);
  EXPECT_EQ(*extract_layers(file, 3), file);
  for (int layers = 1; layers <= 3; ++layers) {
    const auto part = *extract_layers(file, layers);
    EXPECT_TRUE(header_of(part).kinds.alpha);
    EXPECT_TRUE(std::equal(part.begin() + static_cast<ptrdiff_t>(header_of(part).bytes), part.end(),
                           file.begin() + static_cast<ptrdiff_t>(header.bytes)));
    EXPECT_EQ(whole_layers(header, header.layers[layers - 1].end() - 1), layers - 1);
    auto damaged = file;
    damaged[header.layers[layers - 1].end() - 1] ^= 1;
    EXPECT_EQ(extract_layers(damaged, layers).error().code, ErrorCode::kDamaged);
  }
}

TEST(Container, ExtractKeepsStreamsByteForByte) {
  const auto whole_file = *write_container(with_tiled());
  for (int layers = 1; layers <= 4; ++layers) {
    const auto part = extract_layers(whole_file, layers);
    ASSERT_TRUE(part.ok());
    const uint64_t from = header_of(*part).bytes;
    EXPECT_TRUE(std::equal(part->begin() + static_cast<ptrdiff_t>(from), part->end(),
                           whole_file.begin() + static_cast<ptrdiff_t>(header_of(whole_file).bytes)));
  }
  const auto file = *write_container(with_metadata());
  const ContainerHeader header = header_of(file);
  EXPECT_EQ(*extract_layers(file, 3), file);
  for (int layers = 1; layers <= 3; ++layers) {
    const auto part = extract_layers(file, layers);
    ASSERT_TRUE(part.ok());
    const ContainerHeader kept = header_of(*part);
    ASSERT_EQ(kept.layers.size(), static_cast<size_t>(layers));
    EXPECT_EQ(kept.file_bytes(), part->size());
    EXPECT_TRUE(std::equal(part->begin() + static_cast<ptrdiff_t>(kept.bytes), part->end(),
                           file.begin() + static_cast<ptrdiff_t>(header.bytes)));
    // As good as cutting the file off, which is enough for what the layers need.
    EXPECT_EQ(*extract_layers(std::span(file).first(header.layers[layers - 1].end()), layers), *part);
  }
  EXPECT_EQ(extract_layers(file, 0).error().code, ErrorCode::kUsage);
  EXPECT_EQ(extract_layers(file, 4).error().code, ErrorCode::kUsage);
  EXPECT_EQ(extract_layers(std::span(file).first(10), 1).error().code, ErrorCode::kDamaged);
  EXPECT_EQ(extract_layers(std::span(file).first(header.layers[1].end() - 1), 2).error().code,
            ErrorCode::kDamaged);
  EXPECT_EQ(extract_layers(std::span(file).first(header.bytes + 1), 1).error().code, ErrorCode::kDamaged);
  auto damaged = file;
  damaged[header.layers[1].offset] ^= 1;
  EXPECT_TRUE(extract_layers(damaged, 1).ok());
  EXPECT_EQ(extract_layers(damaged, 2).error().code, ErrorCode::kDamaged);
}

}  // namespace
}  // namespace compass
