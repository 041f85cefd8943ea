#include "nn/filter_gates.h"

// Highway compiles everything below once per instruction set; the last part of the file, once, picks among
// them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/filter_gates.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace compass::nn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;  // whole vectors stay within kFilterPadding
using V = hn::Vec<Floats>;

void SlopeProducts(const float* luma, ptrdiff_t stride, const std::array<float*, kSlopeProducts>& products,
                   size_t n) {
  const Floats d;
  for (size_t x = 0; x < n; x += hn::Lanes(d)) {
    const float* const p = luma + x;
    const V h = hn::Sub(hn::LoadU(d, p + 1), hn::LoadU(d, p - 1));
    const V v = hn::Sub(hn::LoadU(d, p + stride), hn::LoadU(d, p - stride));
    hn::StoreU(hn::Mul(h, h), d, products[0] + x);
    hn::StoreU(hn::Mul(v, v), d, products[1] + x);
    hn::StoreU(hn::Mul(h, v), d, products[2] + x);
  }
}

// p[0] + p[step] + ..., kGateWindow of them.
HWY_INLINE V window_sum(const float* p, size_t step) {
  const Floats d;
  V sum = hn::LoadU(d, p);
  for (size_t i = 1; i < kGateWindow; ++i) sum = hn::Add(sum, hn::LoadU(d, p + i * step));
  return sum;
}

void Gates(const std::array<const float*, kSlopeProducts>& products, size_t stride, const GateLevels& levels,
           float* sums, const std::array<float*, kFilterGates>& gates, size_t n) {
  const Floats d;
  const size_t pitch = gate_sums(n);
  for (size_t i = 0; i < kSlopeProducts; ++i) {
    for (size_t x = 0; x < n + kGateWindow - 1; x += hn::Lanes(d)) {
      hn::StoreU(window_sum(products[i] + x, stride), d, sums + i * pitch + x);
    }
  }
  const V scale = hn::Set(d, levels.scale), one = hn::Set(d, 1.0F), two = hn::Set(d, 2.0F);
  const V calm_at = hn::Set(d, levels.calm), busy_at = hn::Set(d, levels.busy);
  const V floor = hn::Set(d, levels.floor);
  for (size_t x = 0; x < n; x += hn::Lanes(d)) {
    const V a = hn::Mul(scale, window_sum(sums + x, 1));
    const V b = hn::Mul(scale, window_sum(sums + pitch + x, 1));
    const V c = hn::Mul(scale, window_sum(sums + 2 * pitch + x, 1));
    const V t = hn::Add(a, b);
    const V not_calm = hn::Div(t, hn::Add(t, calm_at));
    const V busy = hn::Div(t, hn::Add(t, busy_at));
    const V direction = hn::Div(one, hn::Add(t, floor));
    const V u = hn::Mul(hn::Sub(a, b), direction);
    const V v = hn::Mul(hn::Mul(two, c), direction);
    const V level[3] = {hn::Sub(one, not_calm), hn::Sub(not_calm, busy), busy};
    for (size_t l = 0; l < 3; ++l) {
      hn::StoreU(level[l], d, gates[l] + x);
      hn::StoreU(hn::Mul(level[l], u), d, gates[3 + l] + x);
      hn::StoreU(hn::Mul(level[l], v), d, gates[6 + l] + x);
    }
  }
}

}  // namespace compass::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compass::nn {

HWY_EXPORT(SlopeProducts);
HWY_EXPORT(Gates);

void slope_products(const float* luma, ptrdiff_t stride, const std::array<float*, kSlopeProducts>& products,
                    size_t n) {
  HWY_DYNAMIC_DISPATCH(SlopeProducts)(luma, stride, products, n);
}

void filter_gates(const std::array<const float*, kSlopeProducts>& products, size_t stride,
                  const GateLevels& levels, float* sums, const std::array<float*, kFilterGates>& gates,
                  size_t n) {
  HWY_DYNAMIC_DISPATCH(Gates)(products, stride, levels, sums, gates, n);
}

namespace plain {

void slope_products(const float* luma, ptrdiff_t stride, const std::array<float*, kSlopeProducts>& products,
                    size_t n) {
  for (size_t x = 0; x < n; ++x) {
    const float* const p = luma + x;
    const float h = p[1] - p[-1];
    const float v = p[stride] - p[-stride];
    products[0][x] = h * h;
    products[1][x] = v * v;
    products[2][x] = h * v;
  }
}

void filter_gates(const std::array<const float*, kSlopeProducts>& products, size_t stride,
                  const GateLevels& levels, const std::array<float*, kFilterGates>& gates, size_t n) {
  for (size_t x = 0; x < n; ++x) {
    float scaled[kSlopeProducts];
    for (size_t i = 0; i < kSlopeProducts; ++i) {
      float sum = 0.0F;
      for (size_t c = 0; c < kGateWindow; ++c) {
        float column = 0.0F;
        for (size_t r = 0; r < kGateWindow; ++r) column += products[i][r * stride + x + c];
        sum += column;
      }
      scaled[i] = levels.scale * sum;
    }
    const float t = scaled[0] + scaled[1];
    const float not_calm = t / (t + levels.calm);
    const float busy = t / (t + levels.busy);
    const float direction = 1.0F / (t + levels.floor);
    const float u = (scaled[0] - scaled[1]) * direction;
    const float v = 2.0F * scaled[2] * direction;
    const float level[3] = {1.0F - not_calm, not_calm - busy, busy};
    for (size_t l = 0; l < 3; ++l) {
      gates[l][x] = level[l];
      gates[3 + l][x] = level[l] * u;
      gates[6 + l][x] = level[l] * v;
    }
  }
}

}  // namespace plain
}  // namespace compass::nn
#endif  // HWY_ONCE
