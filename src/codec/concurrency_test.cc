// Several encoders and decoders in one process know nothing of each other.
#include <gtest/gtest.h>

#include <thread>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "codec/file_reader.h"
#include "codec/testing/pictures.h"

namespace compass {
namespace {

TEST(Concurrency, CodecsAtOnceGiveWhatTheyGiveAlone) {
  const auto model = tiny_model();  // shared: it is read only
  const std::vector<std::vector<Size>> pyramids = {
      {{48, 32}, {96, 64}, {192, 128}}, {{33, 47}, {99, 95}}, {{17, 31}}, {{60, 44}, {61, 45}}};
  struct Alone {
    std::vector<uint8_t> bytes;
    Image image;
  };
  const auto run = [&](size_t i, int threads) {
    Alone result;
    const auto& sizes = pyramids[i];
    Encoder encoder(model, {.threads = threads});
    auto encoded = encoder.encode(test_picture(sizes.back()), {.sizes = sizes});
    EXPECT_TRUE(encoded);
    result.bytes = std::move(encoded->bytes);
    Decoder decoder(model, {.threads = threads});
    MemorySource source(result.bytes);
    auto decoded = decoder.decode(source);
    EXPECT_TRUE(decoded);
    result.image = std::move(decoded->image);
    return result;
  };
  std::vector<Alone> alone;
  for (size_t i = 0; i < pyramids.size(); ++i) alone.push_back(run(i, 1));

  constexpr int kRounds = 3;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < pyramids.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        const Alone now = run(i, 1 + round);
        EXPECT_EQ(now.bytes, alone[i].bytes);
        EXPECT_EQ(largest_difference(now.image, alone[i].image), 0.0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Two readers on one model, whose decoders share their threads; files arrive in pieces.
TEST(Concurrency, ReadersAtOnceGiveWhatTheDecoderGives) {
  const auto model = tiny_model();
  const auto pool = std::make_shared<ThreadPool>(3);
  Encoder encoder(model, {.threads = 1});
  const auto encoded = encoder.encode(test_picture({120, 90}), {.sizes = {{30, 22}, {60, 45}, {120, 90}}});
  ASSERT_TRUE(encoded);
  const std::vector<uint8_t>& file = encoded->bytes;
  Decoder alone(model, {.threads = 1});
  MemorySource source(file);
  const auto expected = alone.decode(source);
  ASSERT_TRUE(expected);
  struct Samples : PixelSink {
    explicit Samples(Size size) : image(size) {}
    void set_alpha(PlaneView /*alpha*/) override {}
    void begin_band(int /*top*/, int /*bottom*/) override {}
    void put(int y, int x, int count, const SampleRows& samples) override {
      for (int c = 0; c < 3; ++c) std::copy_n(samples[c], count, image.row(c, y) + x);
    }
    bool end_band(int /*top*/, int /*bottom*/) override { return true; }
    Image image;
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      Decoder decoder(model, {.pool = pool});
      for (int round = 0; round < 3; ++round) {
        FileReader reader(decoder.runtime());
        Image last;
        for (size_t at = 0; at < file.size(); at += 100) {
          reader.push(at, std::span(file).subspan(at, std::min<size_t>(100, file.size() - at)));
          while (true) {
            const auto ready = reader.is_ready();
            if (!ready || !*ready) break;
            Samples samples((*reader.next())->size);
            EXPECT_TRUE(reader.next_layer(&samples));
            last = std::move(samples.image);
          }
        }
        EXPECT_EQ(last.size(), (Size{120, 90}));
        EXPECT_EQ(largest_difference(last, expected->image), 0.0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace compass
