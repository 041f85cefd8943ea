// Damaged files: every prefix and every flipped bit of a small one. Never a crash, never a wrong picture that
// is reported as good.
#include <gtest/gtest.h>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "codec/test_pictures.h"

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
  header.layers = {{{65535, 65535}, 500, 60}};
  const auto bytes = serialise_header(header);
  ASSERT_TRUE(bytes);
  MemorySource source(*bytes);
  const auto decoded = decoder_.decode(source);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kBadFile);
}

}  // namespace
}  // namespace compass
