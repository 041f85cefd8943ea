#include "bitstream/append.h"

#include <gtest/gtest.h>

#include <random>

namespace compass {
namespace {

std::vector<uint8_t> noise(size_t count, std::minstd_rand& random) {
  std::vector<uint8_t> bytes(count);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

// Layers one by one, with metadata, quality maps and tiles, are those of the file that is written at once;
// and the header is never longer than was foreseen, and hardly shorter.
TEST(AppendLayer, GivesWhatWritingAllGives) {
  std::minstd_rand random(3);
  for (int round = 0; round < 200; ++round) {
    ContainerContents contents;
    contents.decoder = {1, 2, 3, 4, 5, 6, 7, 8};
    if (round % 3 == 0) contents.metadata = {{MetadataChunk::kXmp, noise(random() % 200, random)}};
    const bool maps = round % 4 == 0;
    Size size{1 + static_cast<int>(random() % 60), 1 + static_cast<int>(random() % 60)};
    std::vector<Size> sizes;
    for (int k = 0; k < 4; ++k) {
      sizes.push_back(size);
      LayerPayload layer{size, static_cast<int>(random() % 1001), {noise(random() % 600, random), 0}, {}};
      if (maps) layer.map.offsets.assign(quality_squares(size).pixels(), 7);
      if (is_tiled(size)) {
        const std::vector<std::vector<uint8_t>> z(hyper_grid(size).pixels(), noise(5, random));
        const std::vector<std::vector<uint8_t>> y(latent_grid(size).pixels(), noise(20, random));
        layer.stream = join_blocks(z, y);
      }
      contents.layers.push_back(layer);
      size = {size.width * (round % 2 == 0 ? 2 : 1) + static_cast<int>(random() % 30),
              size.height * 2 + static_cast<int>(random() % (round % 5 == 0 ? 3000 : 3))};
    }
    const auto expected = write_container(contents);
    ASSERT_TRUE(expected) << expected.error().message;
    ContainerContents first = contents;
    first.layers.resize(1);
    auto file = write_container(first);
    ASSERT_TRUE(file);
    const uint64_t growth = header_growth(*parse_header(*file)->header, std::span(sizes).subspan(1));
    const uint64_t before = parse_header(*file)->header->bytes;
    for (size_t k = 1; k < contents.layers.size(); ++k) {
      file = append_layer(*file, contents.layers[k]);
      ASSERT_TRUE(file) << file.error().message;
    }
    EXPECT_EQ(*file, *expected);
    const uint64_t grown = parse_header(*file)->header->bytes - before;
    EXPECT_LE(grown, growth);
    EXPECT_LE(growth, grown + (maps ? 24 : 16));
  }
}

TEST(AppendLayer, RefusesWhatIsNoFile) {
  const LayerPayload layer{{9, 9}, 500, {{1, 2, 3}, 0}, {}};
  const auto code = [&](const std::vector<uint8_t>& file, const LayerPayload& what) {
    const auto appended = append_layer(file, what);
    EXPECT_FALSE(appended);
    return appended ? ErrorCode::kFailure : appended.error().code;
  };
  const auto file = write_container({.layers = {layer}});
  ASSERT_TRUE(file);
  EXPECT_TRUE(append_layer(*file, layer));
  EXPECT_EQ(code({}, layer), ErrorCode::kDamaged);
  EXPECT_EQ(code({'x'}, layer), ErrorCode::kBadFile);
  EXPECT_EQ(code({file->begin(), file->end() - 1}, layer), ErrorCode::kDamaged);
  LayerPayload small = layer;
  small.size = {8, 9};
  EXPECT_EQ(code(*file, small), ErrorCode::kUsage);
}

}  // namespace
}  // namespace compass
