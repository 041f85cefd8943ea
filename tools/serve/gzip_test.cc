#include "serve/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <fstream>

#include "model_file/model.h"
#include "serve/page_model.h"

namespace compass::tools::serve {
namespace {

std::vector<uint8_t> unpacked(std::span<const uint8_t> bytes, size_t room) {
  std::vector<uint8_t> out(room);
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = const_cast<uint8_t*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0U);
  out.resize(out.size() - stream.avail_out);
  inflateEnd(&stream);
  return out;
}

TEST(Gzip, GivesBackWhatItGot) {
  for (const size_t size : {0U, 1U, 100U, 65536U, 300000U}) {
    std::vector<uint8_t> bytes(size);
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * i >> 7);
    for (const int level : {1, 6, 9}) {
      const auto packed = gzipped(bytes, level);
      EXPECT_EQ(unpacked(packed, size + 1), bytes) << size;
      EXPECT_EQ(gzipped(bytes, level), packed);
    }
  }
}

TEST(Gzip, WhoReadsIt) {
  for (const char* yes : {"gzip", "deflate, gzip;q=1.0, br", "br , x-gzip", "*", "gzip;q=0.001"})
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  for (const char* no : {"", "br", "gzip;q=0", "gzip;q=0.000, br", "notgzip", "*;q=0", ",,;"})
    EXPECT_FALSE(accepts_gzip(no)) << no;
}

TEST(Gzip, WhatIsWorthIt) {
  EXPECT_TRUE(is_compressible("text/html; charset=utf-8"));
  EXPECT_TRUE(is_compressible("application/wasm"));
  EXPECT_FALSE(is_compressible("image/x-compass"));
  EXPECT_FALSE(is_compressible("application/gzip"));
  EXPECT_FALSE(is_compressible(""));
}

TEST(PageModel, ItsFirstPieceDecodesBaseLayers) {
  const std::string path = COMPASS_SOURCE_DIR "/tests/data/tiny.safetensors";
  const auto pieces = page_model(path);
  ASSERT_TRUE(pieces) << pieces.error().message;
  const auto base = Model::parse(unpacked(pieces->base, 1 << 20));
  ASSERT_TRUE(base) << base.error().message;
  EXPECT_EQ((*base)->parts(), ModelParts::kBaseDecoder);
  EXPECT_EQ((*base)->decoder_id(), (*Model::load(path))->decoder_id());
  EXPECT_TRUE(Safetensors::parse(unpacked(pieces->upper, 1 << 20)));
  EXPECT_TRUE(Safetensors::parse(unpacked(pieces->encoder, 1 << 20)));
  EXPECT_FALSE(page_model(path + ".none"));

  // Found by the decoder's id, whatever else there is.
  const std::string id = to_string((*base)->decoder_id());
  PageModels models({path + ".none", path});
  EXPECT_EQ(models.find(id, kBasePiece).body->size(), pieces->base.size());
  EXPECT_EQ(models.find(id, kUpperPiece).body->size(), pieces->upper.size());
  EXPECT_EQ(models.find(id, kEncoderPiece).body->size(), pieces->encoder.size());
  EXPECT_EQ(models.find(id, "other.gz").body, nullptr);
  EXPECT_EQ(models.find("0123456789abcdef", kBasePiece).body, nullptr);
  EXPECT_EQ(models.find("", kBasePiece).body, nullptr);
  EXPECT_EQ(models.encoder(), "");
  EXPECT_EQ(PageModels({path}).encoder(), id);
  EXPECT_EQ(PageModels({}).encoder(), "");
  const std::string half = testing::TempDir() + "half.safetensors";  // decodes, but does not encode
  const std::vector<uint8_t> bytes = unpacked(pieces->base, 1 << 20);
  std::ofstream(half, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  EXPECT_EQ(PageModels({half}).find(id, kBasePiece).body->size(), pieces->base.size());
  EXPECT_EQ(PageModels({half}).encoder(), "");
}

}  // namespace
}  // namespace compass::tools::serve
