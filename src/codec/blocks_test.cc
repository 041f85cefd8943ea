// Tiled layers: the places of blocks, what a region reads, and what damage costs.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "codec/layer_blocks.h"
#include "codec/layer_streams.h"
#include "codec/receiver.h"
#include "codec/testing/pictures.h"

namespace compass {
namespace {

std::string text(Size size) {
  return fmt::format("{}x{}", size.width, size.height);
}

// Bytes of which only some may be read.
class GuardedSource : public ByteSource {
 public:
  GuardedSource(std::span<const uint8_t> bytes, std::vector<ByteRange> allowed)
      : bytes_(bytes), allowed_(std::move(allowed)) {}

  Result<size_t> read(std::span<uint8_t> out) override {
    const uint64_t end = std::min<uint64_t>(at_ + out.size(), bytes_.size());
    const auto holds = [&](const ByteRange& r) { return at_ >= r.offset && end <= r.end(); };
    if (at_ < end && std::ranges::none_of(allowed_, holds)) return Error{ErrorCode::kIo, "not allowed"};
    const size_t count = end > at_ ? end - at_ : 0;
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), count, out.begin());
    at_ += count;
    read_ += count;
    return count;
  }
  Status skip(uint64_t count) override {
    at_ += count;
    return {};
  }
  uint64_t bytes_read() const { return read_; }

 private:
  std::span<const uint8_t> bytes_;
  std::vector<ByteRange> allowed_;
  uint64_t at_ = 0;
  uint64_t read_ = 0;
};

// A source that can go forward only.
class Pipe : public ByteSource {
 public:
  explicit Pipe(std::span<const uint8_t> bytes) : source_(bytes) {}
  Result<size_t> read(std::span<uint8_t> out) override { return source_.read(out); }

 private:
  MemorySource source_;
};

uint64_t sum_of(const std::vector<ByteRange>& ranges) {
  uint64_t sum = 0;
  for (const ByteRange& range : ranges) sum += range.bytes;
  return sum;
}

DecodedPicture must_decode(Decoder& decoder, ByteSource& source, const DecodeSettings& settings = {}) {
  auto decoded = decoder.decode(source, settings);
  EXPECT_TRUE(decoded) << decoded.error().message;
  return *std::move(decoded);
}

// The largest difference between a part of a layer and that part of the whole.
double largest_difference(const Image& part, Rect at, const Image& all) {
  double largest = 0.0;
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < at.height; ++y) {
      for (int x = 0; x < at.width; ++x) {
        const double d = std::abs(part.row(c, y)[x] - all.row(c, at.y + y)[at.x + x]);
        largest = std::isnan(d) ? d : std::max(largest, d);
      }
    }
  }
  return largest;
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

TEST_P(TiledSizes, DecoderGivesTheEncodersReconstruction) {
  const auto& sizes = GetParam();
  const Image picture = test_picture(sizes.back());
  Encoder encoder(tiny_model(), {.threads = 1});
  const auto encoded = encode(encoder, picture, sizes, 1);
  for (const int threads : {2, 3}) {
    Encoder several(tiny_model(), {.threads = threads});
    EXPECT_EQ(encode(several, picture, sizes, 1).bytes, encoded.bytes) << threads << " threads";
  }
  for (const int threads : {1, 3}) {
    Decoder decoder(tiny_model(), {.threads = threads});
    for (size_t k = 0; k < sizes.size(); ++k) {
      MemorySource source(encoded.bytes);
      const auto decoded = must_decode(decoder, source, {.layer = static_cast<int>(k), .strict = true});
      EXPECT_EQ(compass::largest_difference(decoded.image, encoded.reconstructions[k]), 0.0) << "layer " << k;
    }
  }
  const auto header = *parse_header(encoded.bytes)->header;
  for (const LayerEntry& layer : header.layers) EXPECT_EQ(layer.index_bytes > 0, is_tiled(layer.size));
}

INSTANTIATE_TEST_SUITE_P(Geometry, TiledSizes,
                         testing::Values(std::vector<Size>{{4096, 1}}, std::vector<Size>{{4097, 1}},
                                         std::vector<Size>{{1, 4096}}, std::vector<Size>{{1, 4097}},
                                         std::vector<Size>{{4097, 3}, {4097, 3}},
                                         std::vector<Size>{{1, 7001}, {3, 14005}},
                                         std::vector<Size>{{70000, 1}}, std::vector<Size>{{1, 70000}},
                                         std::vector<Size>{{2065, 33}, {4623, 71}}));

// A layer of 3x3 blocks over one that is not tiled, and one over that.
class Tiled : public testing::Test {
 protected:
  static const std::vector<Size>& sizes() {
    static const std::vector<Size> all = {{520, 515}, {1040, 1030}, {1041, 1100}};
    return all;
  }
  static const EncodedPicture& encoded() {
    static const EncodedPicture once = [] {
      Encoder encoder(tiny_model(), {.precision = Precision::kF32});
      return encode(encoder, test_picture(sizes().back()), sizes());
    }();
    return once;
  }
  static ContainerHeader header() { return *parse_header(encoded().bytes)->header; }
  static BlockIndex index(int k) {
    const ByteRange range = header().layers[k].index();
    return *read_index(header(), k, std::span(encoded().bytes).subspan(range.offset, range.bytes));
  }

  Decoder decoder_{tiny_model(), {.precision = Precision::kF32}};
};

// Regions read what byte_ranges says and nothing else, and show what the whole shows.
TEST_F(Tiled, ARegionReadsItsRangesAndNoMore) {
  const auto& bytes = encoded().bytes;
  for (const int layer : {1, 2}) {
    for (const Rect region : {Rect{0, 0, 1, 1}, Rect{1039, 1029, 1, 1}, Rect{500, 500, 30, 30},
                              Rect{600, 20, 100, 300}, Rect{3, 511, 1000, 2}}) {
      const DecodeSettings settings{.layer = layer, .region = region, .strict = true};
      MemorySource source(bytes);
      const auto ranges = decoder_.byte_ranges(source, settings);
      ASSERT_TRUE(ranges) << ranges.error().message;
      GuardedSource guarded(bytes, *ranges);
      const auto part = must_decode(decoder_, guarded, settings);
      EXPECT_EQ(guarded.bytes_read(), sum_of(*ranges));
      EXPECT_LT(largest_difference(part.image, region, encoded().reconstructions[layer]), 1e-5);
      Pipe pipe(bytes);
      const auto piped = must_decode(decoder_, pipe, settings);
      EXPECT_EQ(compass::largest_difference(piped.image, part.image), 0.0);
    }
  }
  // A corner takes less than half of the layer.
  MemorySource source(bytes);
  const auto corner = decoder_.byte_ranges(source, {.layer = 1, .region = Rect{0, 0, 100, 100}});
  const LayerEntry& tiled = header().layers[1];
  EXPECT_LT(sum_of(*corner) - tiled.offset, tiled.bytes / 2);
}

// The whole file is one range.
TEST_F(Tiled, TheWholeReadsEverything) {
  MemorySource source(encoded().bytes);
  EXPECT_EQ(*decoder_.byte_ranges(source), (std::vector<ByteRange>{{0, encoded().bytes.size()}}));
  MemorySource again(encoded().bytes);
  EXPECT_EQ(*decoder_.byte_ranges(again, {.layer = 1}),
            (std::vector<ByteRange>{{0, header().layers[1].end()}}));
}

// The latents of a region are those of the whole: means may be rounded in another way, symbols are the same.
TEST_F(Tiled, ARegionHasTheSameSymbols) {
  ThreadPool pool(2);
  nn::Context context(pool, Precision::kF32);
  PyramidNetworks networks(tiny_model(), context);
  TileBuffers buffers;
  LayerSynthesis synthesis(networks, buffers);
  const CodecOptions options;
  const auto latents_of = [&](const DecodeSettings& settings) {
    MemorySource source(encoded().bytes);
    auto received = Receiver(source, synthesis, networks, options).receive(settings);
    EXPECT_TRUE(received);
    auto latents =
        read_layers(networks, synthesis, received->sizes, std::move(received->layers), received->damage);
    EXPECT_TRUE(received->damage.empty());
    return latents;
  };
  const auto all = latents_of({});
  for (const Rect region : {Rect{0, 0, 1, 1}, Rect{600, 700, 50, 60}, Rect{1000, 1000, 41, 100}}) {
    const auto part = latents_of({.region = region});
    ASSERT_EQ(part.size(), all.size());
    for (size_t k = 0; k < all.size(); ++k) {
      const Rect held = part[k].held;
      for (int y = held.y; y < held.y + held.height; ++y) {
        for (int x = held.x; x < held.x + held.width; ++x) {
          for (int c = 0; c < all[k].y_hat.channels; ++c) {
            ASSERT_NEAR(part[k].y_hat.at(c, y - held.y, x - held.x), all[k].y_hat.at(c, y, x), 1e-3);
          }
        }
      }
    }
    EXPECT_LT(part[1].y_hat.size() + part[2].y_hat.size(), all[1].y_hat.size() + all[2].y_hat.size());
  }
}

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
    EXPECT_EQ(compass::largest_difference(must_decode(decoder_, pipe, {.layer = 1}).image, decoded.image),
              0.0);
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
