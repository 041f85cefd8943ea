// Several codecs in one process at once: nothing is shared but the model. Meant for ThreadSanitizer
// (scripts/sanitize.sh), and a test of equal results anywhere.
#include <gtest/gtest.h>

#include <thread>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "codec/test_pictures.h"

namespace compass {
namespace {

constexpr int kThreads = 8;

struct Outcome {
  std::vector<uint8_t> file;
  Image picture;
};

// Picture number `i`, each of its own size, there and back.
Outcome encode_and_decode(const std::shared_ptr<const Model>& model, int i) {
  const Size top{34 + 7 * i, 50 - 3 * i};
  const CodecOptions options{.threads = 1 + i % 3, .precision = Precision::kF32};
  Outcome outcome;
  auto encoded =
      Encoder(model, options).encode(test_picture(top), {.sizes = {{17, 11}, top}, .quality = 10.0 * i});
  EXPECT_TRUE(encoded) << encoded.error().message;
  outcome.file = encoded->bytes;
  MemorySource source(outcome.file);
  auto decoded = Decoder(model, options).decode(source);
  EXPECT_TRUE(decoded) << decoded.error().message;
  outcome.picture = std::move(decoded->image);
  return outcome;
}

TEST(Concurrency, EightThreadsOnDifferentPictures) {
  const auto model = tiny_model();
  std::vector<Outcome> at_once(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        for (int round = 0; round < 3; ++round) at_once[i] = encode_and_decode(model, i);
      });
    }
  }
  for (int i = 0; i < kThreads; ++i) {
    const Outcome alone = encode_and_decode(model, i);
    EXPECT_EQ(at_once[i].file, alone.file) << i;
    ASSERT_EQ(at_once[i].picture.size(), alone.picture.size());
    EXPECT_EQ(largest_difference(at_once[i].picture, alone.picture), 0.0) << i;
  }
}

// A model is loaded by many threads at once, and outlives its loader in the codecs that use it.
TEST(Concurrency, ModelsLoadAndDieApart) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([i] { EXPECT_FALSE(encode_and_decode(tiny_model(), i).file.empty()); });
  }
}

}  // namespace
}  // namespace compass
