// What tests of tiled layers share.
#pragma once

#include <gtest/gtest.h>

#include <span>
#include <vector>

#include "codec/decoder.h"
#include "codec/testing/pictures.h"

namespace compass {

// A source that can go forward only.
class Pipe : public ByteSource {
 public:
  explicit Pipe(std::span<const uint8_t> bytes) : source_(bytes) {}
  Result<size_t> read(std::span<uint8_t> out) override { return source_.read(out); }

 private:
  MemorySource source_;
};

inline DecodedPicture must_decode(Decoder& decoder, ByteSource& source, const DecodeSettings& settings = {}) {
  auto decoded = decoder.decode(source, settings);
  EXPECT_TRUE(decoded) << decoded.error().message;
  return *std::move(decoded);
}

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

}  // namespace compass
