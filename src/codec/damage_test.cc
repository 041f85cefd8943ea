// Damaged files: every prefix and every flipped bit of a small one. Never a crash, never a wrong picture that
// is reported as good.
#include <gtest/gtest.h>

#include <limits>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "codec/testing/pictures.h"

namespace compass {
namespace {

class Damage : public testing::Test {
 protected:
  void SetUp() override {
    Encoder encoder(tiny_model(), {.threads = 1});
    EncodeSettings settings;
    settings.sizes = {{9, 7}, {18, 14}, {36, 28}};
    settings.measure = settings.keep_reconstructions = true;
    settings.metadata = {{MetadataChunk::kXmp, {1, 2, 3, 4, 5}}};
    auto encoded = encoder.encode(test_picture({36, 28}), settings);
    ASSERT_TRUE(encoded) << encoded.error().message;
    encoded_ = *std::move(encoded);
    header_ = *parse_header(encoded_.bytes)->header;
  }

  // Either an error of a fitting kind, or a picture that is what its layer should be; then damage must be
  // reported unless the picture is the top layer's.
  void check(std::span<const uint8_t> bytes, const std::string& what) {
    MemorySource source(bytes);
    const auto decoded = decoder_.decode(source);
    if (!decoded) {
      const auto code = decoded.error().code;
      EXPECT_TRUE(code == ErrorCode::kBadFile || code == ErrorCode::kDamaged || code == ErrorCode::kModel)
          << what << ": " << decoded.error().message;
      EXPECT_FALSE(decoded.error().message.empty()) << what;
      return;
    }
    ASSERT_LT(decoded->layer, 3);
    EXPECT_EQ(largest_difference(decoded->image, encoded_.reconstructions[decoded->layer]), 0.0) << what;
    if (decoded->layer < 2) {
      EXPECT_FALSE(decoded->damage.empty()) << what;
    }
  }

  EncodedPicture encoded_;
  ContainerHeader header_;
  Decoder decoder_{tiny_model(), {.threads = 1}};
};

TEST_F(Damage, EveryPrefix) {
  RecordProperty("prefixes", static_cast<int>(encoded_.bytes.size()));
  for (size_t length = 0; length < encoded_.bytes.size(); ++length) {
    const auto prefix = std::span(encoded_.bytes).first(length);
    check(prefix, "prefix of " + std::to_string(length));
    // As many whole layers as are there.
    MemorySource source(prefix);
    const auto decoded = decoder_.decode(source);
    const int whole = whole_layers(header_, length);
    ASSERT_EQ(decoded.ok(), whole > 0) << length;
    if (whole > 0) {
      EXPECT_EQ(decoded->layer, whole - 1) << length;
    }
  }
}

TEST_F(Damage, EveryFlippedBit) {
  RecordProperty("flips", static_cast<int>(8 * encoded_.bytes.size()));
  for (size_t at = 0; at < encoded_.bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      auto bytes = encoded_.bytes;
      bytes[at] ^= static_cast<uint8_t>(1 << bit);
      check(bytes, "bit " + std::to_string(bit) + " of byte " + std::to_string(at));
    }
  }
}

TEST_F(Damage, ATrailerIsIgnored) {
  auto bytes = encoded_.bytes;
  bytes.insert(bytes.end(), 100, 0xAB);
  MemorySource source(bytes);
  const auto decoded = decoder_.decode(source);
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->damage.empty());
}

TEST_F(Damage, AHugeClaimIsRefusedBeforeAnythingIsAllocated) {
  ContainerHeader header = header_;
  header.metadata.clear();
  header.metadata_checksum = 0;
  const Size huge{65535, 65535};
  const uint64_t index = kMinBlockEntryBytes * listed_blocks(huge);
  header.layers = {{.size = huge, .quality = 500, .bytes = index + 60, .index_bytes = index}};
  const auto bytes = serialise_header(header);
  ASSERT_TRUE(bytes);
  MemorySource source(*bytes);
  const auto decoded = decoder_.decode(source);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kBadFile);
}

// The smallest rectangle of a layer that covers what `r` is of another.
Rect covering(Rect r, Size from, Size to) {
  const int x = r.x * to.width / from.width;
  const int y = r.y * to.height / from.height;
  const int right = ((r.x + r.width) * to.width + from.width - 1) / from.width;
  const int bottom = ((r.y + r.height) * to.height + from.height - 1) / from.height;
  return {x, y, right - x, bottom - y};
}

// However the wanted layer is lost: cut off, its bytes wrong, or its symbols with a checksum that fits.
TEST_F(Damage, ARegionIsTheSamePartOfTheLayerThatIsLeft) {
  std::vector<std::vector<uint8_t>> files;
  for (int k = 0; k < 2; ++k) {
    const auto& bytes = encoded_.bytes;
    files.emplace_back(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header_.layers[k].end()));
    files.push_back(bytes);
    files.back()[header_.layers[k + 1].offset] ^= 1;
    ContainerContents contents;
    contents.decoder = header_.decoder;
    for (const LayerEntry& layer : header_.layers) {
      const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(layer.offset);
      contents.layers.push_back(
          {layer.size, layer.quality, {{first, first + static_cast<std::ptrdiff_t>(layer.bytes)}}});
    }
    contents.layers[k + 1].stream.bytes.assign(400, 0x5A);  // more than its symbols take
    files.push_back(*write_container(contents));
  }
  const Size top = header_.layers[2].size;
  for (size_t i = 0; i < files.size(); ++i) {
    const int left = static_cast<int>(i) / 3;
    for (const Rect region :
         {Rect{0, 0, 36, 28}, {35, 27, 1, 1}, {0, 0, 1, 1}, {17, 5, 3, 11}, {9, 20, 27, 8}}) {
      MemorySource source(files[i]);
      const auto decoded = decoder_.decode(source, {.region = region});
      ASSERT_TRUE(decoded) << decoded.error().message;
      EXPECT_FALSE(decoded->damage.empty());
      ASSERT_EQ(decoded->layer, left) << "file " << i;
      const Image& whole_layer = encoded_.reconstructions[left];
      const Rect part = covering(region, top, whole_layer.size());
      EXPECT_EQ(decoded->part, part);
      ASSERT_EQ(decoded->size(), part.size());
      for (int c = 0; c < 3; ++c) {
        for (int y = 0; y < part.height; ++y) {
          for (int x = 0; x < part.width; ++x) {
            ASSERT_EQ(decoded->image.row(c, y)[x], whole_layer.row(c, part.y + y)[part.x + x])
                << "file " << i << " at " << x << "," << y;
          }
        }
      }
    }
    // A region that the layer asked for does not have is an error, whatever is left.
    MemorySource source(files[i]);
    const auto outside = decoder_.decode(source, {.region = Rect{30, 0, 7, 5}});
    ASSERT_FALSE(outside);
    EXPECT_EQ(outside.error().code, ErrorCode::kUsage);
  }
}

// Sides that sums in 32 bits would not survive: refused for the memory they need, not for what overflows.
TEST_F(Damage, ExtremeShapesAreRefusedForTheirMemory) {
  for (const Size top :
       {Size{20'000'000, 1}, {1, 20'000'000}, {kMaxSide, 1}, {1, kMaxSide}, {kMaxSide, kMaxSide}}) {
    const Size half{(top.width + 1) / 2, (top.height + 1) / 2};
    // A header alone: nothing of the layers is read.
    ContainerHeader header;
    header.decoder = header_.decoder;
    for (const Size size : {half, top}) {
      const uint64_t index = kMinBlockEntryBytes * listed_blocks(size);
      header.layers.push_back({.size = size, .quality = 500, .bytes = index + 1, .index_bytes = index});
    }
    const auto file = serialise_header(header);
    ASSERT_TRUE(file) << file.error().message;
    const uint64_t all = std::numeric_limits<uint64_t>::max();
    Decoder decoder(tiny_model(), {.threads = 1, .max_pixels = all, .max_memory = 50'000'000});
    for (const auto& region :
         {std::optional<Rect>{}, std::optional<Rect>{{top.width - 1, top.height - 1, 1, 1}}}) {
      MemorySource source(*file);
      const auto decoded = decoder.decode(source, {.region = region});
      ASSERT_FALSE(decoded);
      EXPECT_EQ(decoded.error().code, ErrorCode::kBadFile);
      EXPECT_NE(decoded.error().message.find("memory"), std::string::npos) << decoded.error().message;
    }
    if (top.pixels() <= int64_t{400'000'000}) continue;  // the limit of pixels by default
    MemorySource source(*file);
    const auto decoded = Decoder(tiny_model(), {.threads = 1}).decode(source);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, ErrorCode::kBadFile);
  }
}

}  // namespace
}  // namespace compass
