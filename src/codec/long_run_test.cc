// A process that encodes and decodes pictures for as long as it likes keeps its size. 300 pictures here;
// COMPASS_LONG_RUN=10000 asks for more, and its resident memory is printed on the way.
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "codec/testing/pictures.h"
#include "core/sanitized.h"

namespace compass {
namespace {

// Resident memory in bytes. Freed blocks go back to the system first, so that what is left is held.
double resident() {
  malloc_trim(0);
  long pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r"); file != nullptr) {
    if (std::fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

TEST(LongRun, MemoryStaysFlat) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer keeps freed memory";
  const char* asked = std::getenv("COMPASS_LONG_RUN");
  const int count = asked != nullptr ? std::stoi(asked) : 300;
  const auto model = tiny_model();
  Encoder encoder(model, {.threads = 2});
  Decoder decoder(model, {.threads = 2});
  double early = 0.0;
  for (int i = 0; i < count; ++i) {
    // Thirty sizes in turn, more than a picture's worth of new codecs among them.
    const Size top{20 + 3 * (i % 6), 16 + 5 * (i % 5)};
    const auto encoded =
        encoder.encode(test_picture(top), {.sizes = {{9, 7}, top}, .quality = static_cast<double>(i % 101)});
    ASSERT_TRUE(encoded) << encoded.error().message;
    MemorySource source(encoded->bytes);
    if (i % 10 == 0) {
      ASSERT_TRUE(Decoder(model, {.threads = 2}).decode(source));
    } else {
      ASSERT_TRUE(decoder.decode(source));
    }
    if (i == count / 10 || i == count / 3) early = resident();
    if (i + 1 == count / 10 || (i + 1) % 1000 == 0) {
      std::printf("%d pictures: %.1f MB\n", i + 1, resident() / 1e6);
    }
  }
  EXPECT_GT(early, 0.0);
  EXPECT_LT(resident() - early, 4e6) << "after a third of the run: " << early;
}

}  // namespace
}  // namespace compass
