// Memory that is refused, one allocation after the other, while the C interface loads a model, encodes and
// decodes: every call succeeds or says "out of memory", and what was made before can be used afterwards.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "compass/compass.h"

#ifdef COMPASS_HAVE_ONEDNN
#include <dnnl.h>
#endif

namespace {

// Allocations that still succeed; negative: all do.
std::atomic<int64_t> allowed{-1};
// Whether those after the refused one fail, too.
std::atomic<bool> for_good{false};
std::atomic<int64_t> refused{0};

bool is_refused() {
  if (allowed.load(std::memory_order_relaxed) < 0) return false;
  const int64_t left = allowed.fetch_sub(1, std::memory_order_relaxed);
  if (left > 0) return false;
  if (left < 0) return false;  // another thread's was refused just now
  if (for_good) allowed = 0;
  ++refused;
  return true;
}

void* allocate(size_t size, size_t alignment) {
  if (is_refused()) throw std::bad_alloc();
  void* memory = nullptr;
  if (posix_memalign(&memory, std::max(alignment, sizeof(void*)), std::max<size_t>(size, 1)) != 0) {
    throw std::bad_alloc();
  }
  return memory;
}

}  // namespace

// Also what the libraries that we use call.
void* operator new(size_t size) {
  return allocate(size, alignof(std::max_align_t));
}
void* operator new[](size_t size) {
  return allocate(size, alignof(std::max_align_t));
}
void* operator new(size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<size_t>(alignment));
}
void* operator new[](size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t /*size*/) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, size_t /*size*/) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}

namespace {

constexpr int kWidth = 37;
constexpr int kHeight = 22;

// What one run made, as far as it came.
struct Session {
  compass_model* model = nullptr;
  compass_encoder* encoder = nullptr;
  compass_decoder* decoder = nullptr;
  compass_bytes file{};
  compass_picture picture{};
  compass_error error{};
  compass_status status = COMPASS_OK;

  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    compass_bytes_free(&file);
    compass_picture_free(&picture);
    compass_encoder_free(encoder);
    compass_decoder_free(decoder);
    compass_model_free(model);
  }

  bool did(compass_status got) {
    status = got;
    return got == COMPASS_OK;
  }

  // Everything that is not there yet. Allocates nothing itself.
  void go(const std::vector<uint8_t>& weights, const std::vector<uint8_t>& rgb, int threads) {
    compass_options options;
    compass_options_init(&options);
    options.threads = threads;
    compass_bytes_free(&file);
    compass_picture_free(&picture);
    if (model == nullptr && !did(compass_model_parse(weights.data(), weights.size(), &model, &error))) return;
    if (encoder == nullptr && !did(compass_encoder_create(model, &options, &encoder, &error))) return;
    if (decoder == nullptr && !did(compass_decoder_create(model, &options, &decoder, &error))) return;
    if (!did(compass_encode(encoder, rgb.data(), kWidth, kHeight, size_t{3} * kWidth, nullptr, &file,
                            &error))) {
      return;
    }
    did(compass_decode(decoder, file.data, file.size, nullptr, &picture, &error));
  }
};

class Allocation : public testing::TestWithParam<bool> {
 protected:
#ifdef COMPASS_HAVE_ONEDNN
  // oneDNN 2.7, making kernels for AMX, ends the process where one of its own small allocations is refused:
  // the exception meets a function of it that may not throw. Its other kernels say that memory is short.
  static void SetUpTestSuite() {
    setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16", /*overwrite=*/0);
  }
#endif
  void SetUp() override {
    std::ifstream file(COMPASS_SOURCE_DIR "/tests/data/tiny.safetensors", std::ios::binary);
    weights_.assign(std::istreambuf_iterator<char>(file), {});
    rgb_.resize(size_t{3} * kWidth * kHeight);
    for (size_t i = 0; i < rgb_.size(); ++i) rgb_[i] = static_cast<uint8_t>(i * 7 % 253);
    Session run;
    run.go(weights_, rgb_, 1);
    ASSERT_EQ(run.status, COMPASS_OK) << run.error.message;
    file_.assign(run.file.data, run.file.data + run.file.size);
    picture_.assign(run.picture.rgb, run.picture.rgb + rgb_.size());
  }

  void expect_right(const Session& run, int64_t n) {
    ASSERT_EQ(run.status, COMPASS_OK) << run.error.message << " after allocation " << n << " was refused";
    ASSERT_EQ(run.file.size, file_.size());
    ASSERT_EQ(std::memcmp(run.file.data, file_.data(), file_.size()), 0) << n;
    ASSERT_EQ(std::memcmp(run.picture.rgb, picture_.data(), picture_.size()), 0) << n;
  }

  std::vector<uint8_t> weights_, rgb_, file_, picture_;
};

#ifdef COMPASS_HAVE_ONEDNN
// oneDNN caches what it compiled for later networks. This switches the cache off, so that they compile again.
class WithoutCache {
 public:
  WithoutCache() {
    dnnl_get_primitive_cache_capacity(&before_);
    dnnl_set_primitive_cache_capacity(0);
  }
  ~WithoutCache() { dnnl_set_primitive_cache_capacity(before_); }
  WithoutCache(const WithoutCache&) = delete;
  WithoutCache& operator=(const WithoutCache&) = delete;

 private:
  int before_ = 0;
};

// Each of the first allocations, then some of the rest, ever fewer. From its own allocation on, or it alone.
TEST_P(Allocation, RefusedWhileKernelsAreCompiled) {
  for_good = GetParam();
  const WithoutCache scope;
  for (int64_t n = 20;; n += 20 + n / 15) {
    Session run;
    refused = 0;
    allowed = n;
    run.go(weights_, rgb_, 1 + static_cast<int>(n % 2));
    allowed = -1;
    if (refused == 0) break;
    if (run.status != COMPASS_OK) {
      ASSERT_EQ(run.status, COMPASS_NO_MEMORY) << n << ": " << run.error.message;
      ASSERT_STREQ(run.error.message, "out of memory") << n;
    }
    run.go(weights_, rgb_, 1);
    ASSERT_NO_FATAL_FAILURE(expect_right(run, n));
  }
}

#endif

TEST_P(Allocation, RefusedOneAfterTheOther) {
  for_good = GetParam();
  int tries = 0;
  for (int64_t n = 0;; n += 1 + n / 40) {
    Session run;
    refused = 0;
    allowed = n;
    run.go(weights_, rgb_, 1 + static_cast<int>(n % 2));
    allowed = -1;
    if (refused == 0) {
      expect_right(run, n);
      break;
    }
    ++tries;
    if (run.status != COMPASS_OK) {
      ASSERT_EQ(run.status, COMPASS_NO_MEMORY) << n << ": " << run.error.message;
      ASSERT_STREQ(run.error.message, "out of memory") << n;
      EXPECT_EQ(run.picture.rgb, nullptr);
    }
    run.go(weights_, rgb_, 1);
    ASSERT_NO_FATAL_FAILURE(expect_right(run, n));
  }
  RecordProperty("refused", tries);
  EXPECT_GT(tries, 100);
}

INSTANTIATE_TEST_SUITE_P(OnceAndForGood, Allocation, testing::Bool());

}  // namespace
