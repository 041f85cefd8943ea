#include "machine/peak.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "machine/peak.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace compass::nn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// `rounds` times 12 independent multiply-adds; returns the floating-point operations done. Each chain begins
// with another number: a compiler computes equal chains once, which made the peak half again too high.
double MultiplyAdds(int rounds, float* sink) {
  const hn::ScalableTag<float> d;
  const auto a = hn::Set(d, 0.999F);
  const auto start = [&](float value) HWY_ATTR { return hn::Set(d, value); };
  auto x0 = start(0.0F), x1 = start(0.1F), x2 = start(0.2F), x3 = start(0.3F), x4 = start(0.4F),
       x5 = start(0.5F), x6 = start(0.6F), x7 = start(0.7F), x8 = start(0.8F), x9 = start(0.9F),
       x10 = start(1.0F), x11 = start(1.1F);
  for (int i = 0; i < rounds; ++i) {
    x0 = hn::MulAdd(x0, a, a);
    x1 = hn::MulAdd(x1, a, a);
    x2 = hn::MulAdd(x2, a, a);
    x3 = hn::MulAdd(x3, a, a);
    x4 = hn::MulAdd(x4, a, a);
    x5 = hn::MulAdd(x5, a, a);
    x6 = hn::MulAdd(x6, a, a);
    x7 = hn::MulAdd(x7, a, a);
    x8 = hn::MulAdd(x8, a, a);
    x9 = hn::MulAdd(x9, a, a);
    x10 = hn::MulAdd(x10, a, a);
    x11 = hn::MulAdd(x11, a, a);
  }
  const auto s0 =
      hn::Add(hn::Add(hn::Add(x0, x1), hn::Add(x2, x3)), hn::Add(hn::Add(x4, x5), hn::Add(x6, x7)));
  *sink = hn::GetLane(hn::Add(s0, hn::Add(hn::Add(x8, x9), hn::Add(x10, x11))));
  return 2.0 * 12.0 * rounds * static_cast<double>(hn::Lanes(d));
}

}  // namespace compass::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "nn/bf16/backend.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace compass::nn {

HWY_EXPORT(MultiplyAdds);

namespace {

#if defined(__x86_64__)
// Ten independent dot-product instructions per round: 32 multiply-adds each.
__attribute__((target("avx512f,avx512bf16"))) double dot_products(int rounds, float* sink) {
  __m512 x[10];
  for (int i = 0; i < 10; ++i) x[i] = _mm512_set1_ps(static_cast<float>(i));  // see MultiplyAdds
  const auto one = (__m512bh)_mm512_set1_epi16(0x3F80);
  for (int i = 0; i < rounds; ++i) {
    for (auto& v : x) v = _mm512_dpbf16_ps(v, one, one);
  }
  __m512 sum = x[0];
  for (const auto& v : x) sum = _mm512_add_ps(sum, v);
  *sink = _mm512_reduce_add_ps(sum);
  return 2.0 * 10.0 * 32.0 * rounds;
}

// Four independent matrix products per round, 16x16x32 each.
__attribute__((target("amx-tile,amx-bf16"))) double tile_products(int rounds, float* sink) {
  struct alignas(64) Config {
    uint8_t palette = 1;
    uint8_t start_row = 0;
    uint8_t reserved[14] = {};
    uint16_t row_bytes[16] = {};
    uint8_t rows[16] = {};
  } config;
  for (int i = 0; i < 8; ++i) {
    config.row_bytes[i] = 64;
    config.rows[i] = 16;
  }
  alignas(64) static const uint16_t zeros[16 * 32] = {};
  alignas(64) float out[16 * 16];
  _tile_loadconfig(&config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_loadd(4, zeros, 64);
  _tile_loadd(5, zeros, 64);
  _tile_loadd(6, zeros, 64);
  _tile_loadd(7, zeros, 64);
  for (int i = 0; i < rounds; ++i) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, out, 64);
  _tile_release();
  *sink = out[0];
  return 2.0 * 4.0 * 16 * 16 * 32 * rounds;
}
#endif

using Kernel = double (*)(int rounds, float* sink);

double multiply_adds(int rounds, float* sink) {
  return HWY_DYNAMIC_DISPATCH(MultiplyAdds)(rounds, sink);
}

// The instruction that multiplies this format fastest; null if there is none.
Kernel kernel_for(Element format) {
  if (format == Element::kF32) return multiply_adds;
#if defined(__x86_64__)
  const Bf16Support bf16 = bf16_support();
  if (bf16.amx) return tile_products;
  if (bf16.available) return dot_products;
#endif
  return nullptr;
}

// GFLOP/s of the calling thread over about `seconds`.
double speed_of(Kernel kernel, double seconds) {
  using Clock = std::chrono::steady_clock;
  volatile float sink = 0.0F;
  double flops = 0.0;
  const auto start = Clock::now();
  std::chrono::duration<double> took{};
  do {
    float out = 0.0F;
    flops += kernel(5'000, &out);
    sink = out;
    took = Clock::now() - start;
  } while (took.count() < seconds);
  (void)sink;
  return flops / took.count() * 1e-9;
}

}  // namespace

double measured_peak_gflops(Element format, double seconds) {
  ThreadPool alone(1);
  return measured_peak_gflops(format, alone, seconds);
}

double measured_peak_gflops(Element format, ThreadPool& pool, double seconds) {
  const Kernel kernel = kernel_for(format);
  if (kernel == nullptr) return 0.0;
  // The best of several stretches, so that a busy machine's interruptions do not count.
  constexpr int kStretches = 10;
  double best = 0.0;
  std::vector<double> speeds(pool.threads());
  for (int i = 0; i < kStretches; ++i) {
    std::atomic<int> missing{pool.threads()};
    pool.parallel_for(pool.threads(), [&](int thread, int) {
      // All threads begin together. The deadline is for a thread that gets two iterations, which would wait
      // for ever.
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
      --missing;
      while (missing > 0 && std::chrono::steady_clock::now() < deadline) {
      }
      speeds[thread] = speed_of(kernel, seconds / kStretches);
    });
    if (missing <= 0) best = std::max(best, std::accumulate(speeds.begin(), speeds.end(), 0.0));
  }
  return best;
}

}  // namespace compass::nn
#endif  // HWY_ONCE
