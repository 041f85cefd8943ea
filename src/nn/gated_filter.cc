#include "nn/gated_filter.h"

// Highway compiles everything below once per instruction set; the last part of the file, once, picks among
// them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/gated_filter.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace compass::nn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using V = hn::Vec<Floats>;

// Sums of two vectors of pixels at a time, of five gates or four: as many as registers hold, so that there
// are more products than loads.
constexpr size_t kVectors = 2;

template <size_t kGates>
HWY_INLINE void AddGates(const float* const* tap, size_t taps, const float* const* gates,
                         const float* weights, size_t x, V* sum) {
  const Floats d;
  V s[kVectors][kGates];
  for (size_t g = 0; g < kGates; ++g) {
    for (auto& v : s) v[g] = hn::Set(d, weights[taps * kFilterGates + g]);
  }
  for (size_t t = 0; t < taps; ++t, weights += kFilterGates) {
    const V v0 = hn::LoadU(d, tap[t] + x);
    const V v1 = hn::LoadU(d, tap[t] + x + hn::Lanes(d));
    for (size_t g = 0; g < kGates; ++g) {
      const V w = hn::Set(d, weights[g]);
      s[0][g] = hn::MulAdd(w, v0, s[0][g]);
      s[1][g] = hn::MulAdd(w, v1, s[1][g]);
    }
  }
  for (size_t g = 0; g < kGates; ++g) {
    for (size_t v = 0; v < kVectors; ++v) {
      sum[v] = hn::MulAdd(hn::LoadU(d, gates[g] + x + v * hn::Lanes(d)), s[v][g], sum[v]);
    }
  }
}

void Filter(const float* const* tap, size_t taps, const float* const* gates,
            const float* HWY_RESTRICT weights, float* HWY_RESTRICT out, size_t n) {
  const Floats d;
  for (size_t x = 0; x < n; x += kVectors * hn::Lanes(d)) {
    V sum[kVectors] = {hn::Zero(d), hn::Zero(d)};
    AddGates<5>(tap, taps, gates, weights, x, sum);
    AddGates<4>(tap, taps, gates + 5, weights + 5, x, sum);
    for (size_t v = 0; v < kVectors; ++v) hn::StoreU(sum[v], d, out + x + v * hn::Lanes(d));
  }
}

}  // namespace compass::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compass::nn {

HWY_EXPORT(Filter);

void gated_filter(const float* const* tap, size_t taps, const float* const* gates, const float* weights,
                  float* out, size_t n) {
  HWY_DYNAMIC_DISPATCH(Filter)(tap, taps, gates, weights, out, n);
}

namespace plain {

void gated_filter(const float* const* tap, size_t taps, const float* const* gates, const float* weights,
                  float* out, size_t n) {
  for (size_t x = 0; x < n; ++x) {
    out[x] = 0.0F;
    for (size_t g = 0; g < kFilterGates; ++g) {
      float sum = weights[taps * kFilterGates + g];
      for (size_t t = 0; t < taps; ++t) sum += weights[t * kFilterGates + g] * tap[t][x];
      out[x] += gates[g][x] * sum;
    }
  }
}

}  // namespace plain
}  // namespace compass::nn
#endif  // HWY_ONCE
