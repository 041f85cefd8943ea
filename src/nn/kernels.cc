#include "nn/kernels.h"

// Highway compiles everything below once per instruction set; the last part of the file, once, picks among
// them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace compass::nn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using V = hn::Vec<Floats>;
using Halves = hn::Rebind<uint16_t, Floats>;  // as many bf16 as there are floats in a vector

HWY_INLINE size_t lanes() {
  return hn::Lanes(Floats());
}

HWY_INLINE V load(const float* p) {
  return hn::LoadU(Floats(), p);
}
HWY_INLINE V load(const BFloat16* p) {
  const hn::RebindToUnsigned<Floats> bits;
  return hn::BitCast(Floats(), hn::ShiftLeft<16>(hn::PromoteTo(bits, hn::LoadU(Halves(), p))));
}

HWY_INLINE void store(V x, float* p) {
  hn::StoreU(x, Floats(), p);
}
HWY_INLINE void store(V x, BFloat16* p) {
  const hn::RebindToUnsigned<Floats> bits;
  const hn::RebindToSigned<Floats> integers;
  const auto u = hn::BitCast(bits, x);
  const auto odd = hn::And(hn::ShiftRight<16>(u), hn::Set(bits, 1));
  const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(u, hn::Set(bits, 0x7FFF)), odd));
  hn::StoreU(hn::DemoteTo(Halves(), hn::BitCast(integers, rounded)), Halves(), p);
}

// Calls body(i) for whole vectors and returns where the tail begins.
template <typename Body>
HWY_INLINE size_t for_vectors(size_t n, const Body& body) {
  const size_t step = lanes();
  size_t i = 0;
  for (; i + step <= n; i += step) body(i);
  return i;
}

void RoundToBf16(const float* HWY_RESTRICT x, BFloat16* HWY_RESTRICT out, size_t n) {
  const size_t done = for_vectors(n, [&](size_t i) HWY_ATTR { store(load(x + i), out + i); });
  plain::round_to_bf16(x + done, out + done, n - done);
}

void Widen(const BFloat16* HWY_RESTRICT x, float* HWY_RESTRICT out, size_t n) {
  const size_t done = for_vectors(n, [&](size_t i) HWY_ATTR { store(load(x + i), out + i); });
  plain::widen(x + done, out + done, n - done);
}

void AddTo(const float* HWY_RESTRICT x, float* HWY_RESTRICT sum, size_t n) {
  const size_t done =
      for_vectors(n, [&](size_t i) HWY_ATTR { store(hn::Add(load(sum + i), load(x + i)), sum + i); });
  plain::add(x + done, sum + done, n - done);
}

template <typename T>
HWY_INLINE void square_into(const float* HWY_RESTRICT x, T* HWY_RESTRICT out, size_t n) {
  const size_t done = for_vectors(n, [&](size_t i) HWY_ATTR {
    const V v = load(x + i);
    store(hn::Mul(v, v), out + i);
  });
  plain::square(x + done, out + done, n - done);
}
void SquareF32(const float* x, float* out, size_t n) {
  square_into(x, out, n);
}
void SquareBf16(const float* x, BFloat16* out, size_t n) {
  square_into(x, out, n);
}

void Normalise(float* HWY_RESTRICT x, const float* HWY_RESTRICT norm, size_t n, bool inverse) {
  size_t done = 0;
  if (inverse) {
    done = for_vectors(
        n, [&](size_t i) HWY_ATTR { store(hn::Mul(load(x + i), hn::Sqrt(load(norm + i))), x + i); });
  } else {
    done = for_vectors(
        n, [&](size_t i) HWY_ATTR { store(hn::Div(load(x + i), hn::Sqrt(load(norm + i))), x + i); });
  }
  plain::normalise(x + done, norm + done, n - done, inverse);
}

void ScaleChannels(const float* HWY_RESTRICT x, const float* HWY_RESTRICT gain, float* HWY_RESTRICT out,
                   size_t pixels, size_t channels) {
  for (size_t p = 0; p < pixels; ++p, x += channels, out += channels) {
    const size_t done = for_vectors(
        channels, [&](size_t c) HWY_ATTR { store(hn::Mul(load(x + c), load(gain + c)), out + c); });
    plain::scale_channels(x + done, gain + done, out + done, 1, channels - done);
  }
}

template <typename T>
HWY_INLINE void offset_relu_into(const float* HWY_RESTRICT base, const float* HWY_RESTRICT wy,
                                 const float* HWY_RESTRICT wx, float y, float x, T* HWY_RESTRICT out,
                                 size_t n) {
  const V vy = hn::Set(Floats(), y);
  const V vx = hn::Set(Floats(), x);
  const V zero = hn::Zero(Floats());
  const size_t done = for_vectors(n, [&](size_t i) HWY_ATTR {
    // Multiply, then add, like the plain twin: no fused rounding that only some CPUs have.
    const V sum = hn::Add(hn::Add(load(base + i), hn::Mul(vy, load(wy + i))), hn::Mul(vx, load(wx + i)));
    store(hn::Max(zero, sum), out + i);
  });
  plain::offset_relu(base + done, wy + done, wx + done, y, x, out + done, n - done);
}
void OffsetReluF32(const float* base, const float* wy, const float* wx, float y, float x, float* out,
                   size_t n) {
  offset_relu_into(base, wy, wx, y, x, out, n);
}
void OffsetReluBf16(const float* base, const float* wy, const float* wx, float y, float x, BFloat16* out,
                    size_t n) {
  offset_relu_into(base, wy, wx, y, x, out, n);
}

template <typename T>
HWY_INLINE void filter_products_of(const T* HWY_RESTRICT a, const T* HWY_RESTRICT h, size_t n, float* out) {
  V s0 = hn::Zero(Floats());
  V s1 = s0;
  V s2 = s0;
  const size_t step = lanes();
  for (size_t i = 0; i + step <= n; i += step) {
    const V v = load(h + i);
    s0 = hn::MulAdd(load(a + i), v, s0);
    s1 = hn::MulAdd(load(a + n + i), v, s1);
    s2 = hn::MulAdd(load(a + 2 * n + i), v, s2);
  }
  out[0] = hn::GetLane(hn::SumOfLanes(Floats(), s0));
  out[1] = hn::GetLane(hn::SumOfLanes(Floats(), s1));
  out[2] = hn::GetLane(hn::SumOfLanes(Floats(), s2));
}
void FilterProductsF32(const float* a, const float* h, size_t n, float* out) {
  filter_products_of(a, h, n, out);
}
void FilterProductsBf16(const BFloat16* a, const BFloat16* h, size_t n, float* out) {
  filter_products_of(a, h, n, out);
}

void ShiftAndClamp(const float* acc, const int32_t* HWY_RESTRICT shift, int32_t limit, float* out,
                   size_t channels) {
  // (acc + half) >> shift == floor((acc + half) / 2^shift): exact in f32 below 2^24, divisions by powers of
  // two too.
  const hn::RebindToSigned<Floats> integers;
  const V zero = hn::Zero(Floats());
  const V top = hn::Set(Floats(), static_cast<float>(limit));
  const V half = hn::Set(Floats(), 0.5F);
  const size_t done = for_vectors(channels, [&](size_t c) HWY_ATTR {
    const auto s = hn::LoadU(integers, shift + c);
    const auto exponent = hn::ShiftLeft<23>(hn::Sub(hn::Set(integers, 127), s));
    const V quotient = hn::Mul(load(acc + c), hn::BitCast(Floats(), exponent));
    const auto shifts = hn::RebindMask(Floats(), hn::Gt(s, hn::Zero(integers)));
    const V rounded = hn::Floor(hn::Add(quotient, hn::IfThenElseZero(shifts, half)));
    store(hn::Min(top, hn::Max(zero, rounded)), out + c);
  });
  plain::shift_and_clamp(acc + done, shift + done, limit, out + done, channels - done);
}

const char* TargetName() {
  return hwy::TargetName(HWY_TARGET);
}

}  // namespace compass::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compass::nn {

HWY_EXPORT(RoundToBf16);
HWY_EXPORT(Widen);
HWY_EXPORT(AddTo);
HWY_EXPORT(SquareF32);
HWY_EXPORT(SquareBf16);
HWY_EXPORT(Normalise);
HWY_EXPORT(ScaleChannels);
HWY_EXPORT(OffsetReluF32);
HWY_EXPORT(OffsetReluBf16);
HWY_EXPORT(FilterProductsF32);
HWY_EXPORT(FilterProductsBf16);
HWY_EXPORT(ShiftAndClamp);
HWY_EXPORT(TargetName);

void round_to_bf16(const float* x, BFloat16* out, size_t n) {
  HWY_DYNAMIC_DISPATCH(RoundToBf16)(x, out, n);
}
void widen(const BFloat16* x, float* out, size_t n) {
  HWY_DYNAMIC_DISPATCH(Widen)(x, out, n);
}
void add(const float* x, float* sum, size_t n) {
  HWY_DYNAMIC_DISPATCH(AddTo)(x, sum, n);
}
void square(const float* x, float* out, size_t n) {
  HWY_DYNAMIC_DISPATCH(SquareF32)(x, out, n);
}
void square(const float* x, BFloat16* out, size_t n) {
  HWY_DYNAMIC_DISPATCH(SquareBf16)(x, out, n);
}
void normalise(float* x, const float* norm, size_t n, bool inverse) {
  HWY_DYNAMIC_DISPATCH(Normalise)(x, norm, n, inverse);
}
void scale_channels(const float* x, const float* gain, float* out, size_t pixels, size_t channels) {
  HWY_DYNAMIC_DISPATCH(ScaleChannels)(x, gain, out, pixels, channels);
}
void offset_relu(const float* base, const float* wy, const float* wx, float y, float x, float* out,
                 size_t n) {
  HWY_DYNAMIC_DISPATCH(OffsetReluF32)(base, wy, wx, y, x, out, n);
}
void offset_relu(const float* base, const float* wy, const float* wx, float y, float x, BFloat16* out,
                 size_t n) {
  HWY_DYNAMIC_DISPATCH(OffsetReluBf16)(base, wy, wx, y, x, out, n);
}
void filter_products(const float* a, const float* h, size_t n, float out[3]) {
  HWY_DYNAMIC_DISPATCH(FilterProductsF32)(a, h, n, out);
}
void filter_products(const BFloat16* a, const BFloat16* h, size_t n, float out[3]) {
  HWY_DYNAMIC_DISPATCH(FilterProductsBf16)(a, h, n, out);
}
void shift_and_clamp(const float* acc, const int32_t* shift, int32_t limit, float* out, size_t channels) {
  HWY_DYNAMIC_DISPATCH(ShiftAndClamp)(acc, shift, limit, out, channels);
}
const char* kernel_target() {
  return HWY_DYNAMIC_DISPATCH(TargetName)();
}

}  // namespace compass::nn
#endif  // HWY_ONCE
