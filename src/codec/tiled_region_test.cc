// What a region of a tiled layer reads and shows.
#include <gtest/gtest.h>

#include <cmath>

#include "codec/layer_streams.h"
#include "codec/receiver.h"
#include "codec/testing/tiled.h"

namespace compass {
namespace {

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

uint64_t sum_of(const std::vector<ByteRange>& ranges) {
  uint64_t sum = 0;
  for (const ByteRange& range : ranges) sum += range.bytes;
  return sum;
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
  const LayerEntry tiled = header().layers[1];
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

}  // namespace
}  // namespace compass
