// Several encoders and decoders in one process know nothing of each other.
#include <gtest/gtest.h>

#include <thread>

#include "codec/decoder.h"
#include "codec/encoder.h"
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

}  // namespace
}  // namespace compass
