#include "nn/kernels.h"

// Highway compiles everything below once per instruction set; the last part of the file, once, picks among
// them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "nn/multiply_add-inl.h"

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
  const size_t stride = lanes();
  size_t i = 0;
  for (; i + stride <= n; i += stride) body(i);
  return i;
}

void RoundToBf16(const float* HWY_RESTRICT x, BFloat16* HWY_RESTRICT out, size_t n) {
  const size_t done = for_vectors(n, [&](size_t i) HWY_ATTR { store(load(x + i), out + i); });
  plain::round_to_bf16(x + done, out + done, n - done);
}

void CopyAndRound(const float* HWY_RESTRICT x, float* HWY_RESTRICT copy, BFloat16* HWY_RESTRICT rounded,
                  size_t n) {
  const size_t done = for_vectors(n, [&](size_t i) HWY_ATTR {
    const V v = load(x + i);
    store(v, copy + i);
    store(v, rounded + i);
  });
  plain::copy_and_round(x + done, copy + done, rounded + done, n - done);
}

void Widen(const BFloat16* HWY_RESTRICT x, float* HWY_RESTRICT out, size_t n) {
  const size_t done = for_vectors(n, [&](size_t i) HWY_ATTR { store(load(x + i), out + i); });
  plain::widen(x + done, out + done, n - done);
}

template <typename T>
HWY_INLINE void add_to(const T* HWY_RESTRICT x, float* HWY_RESTRICT sum, size_t n) {
  const size_t done =
      for_vectors(n, [&](size_t i) HWY_ATTR { store(hn::Add(load(sum + i), load(x + i)), sum + i); });
  plain::add(x + done, sum + done, n - done);
}
void AddF32(const float* x, float* sum, size_t n) {
  add_to(x, sum, n);
}
void AddBf16(const BFloat16* x, float* sum, size_t n) {
  add_to(x, sum, n);
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
HWY_INLINE void times_slope_in(const T* HWY_RESTRICT hidden, float slope, T* HWY_RESTRICT x, size_t n) {
  const V below = hn::Set(Floats(), slope);
  const V above = hn::Set(Floats(), 1.0F);
  const V zero = hn::Zero(Floats());
  const size_t done = for_vectors(n, [&](size_t i) HWY_ATTR {
    const V factor = hn::IfThenElse(hn::Gt(load(hidden + i), zero), above, below);
    store(hn::Mul(load(x + i), factor), x + i);
  });
  plain::times_slope(hidden + done, slope, x + done, n - done);
}
void TimesSlopeF32(const float* hidden, float slope, float* x, size_t n) {
  times_slope_in(hidden, slope, x, n);
}
void TimesSlopeBf16(const BFloat16* hidden, float slope, BFloat16* x, size_t n) {
  times_slope_in(hidden, slope, x, n);
}

template <typename T>
HWY_INLINE void offset_relu_into(const float* HWY_RESTRICT base, size_t pitch, const float* HWY_RESTRICT wy,
                                 const float* HWY_RESTRICT wx, const LiffTarget* HWY_RESTRICT targets,
                                 size_t count, T* HWY_RESTRICT hidden, size_t n) {
  const V zero = hn::Zero(Floats());
  for (size_t t = 0; t < count; ++t, hidden += n) {
    const LiffTarget& p = targets[t];
    const float* HWY_RESTRICT b = base + p.source * pitch;
    const V vy = hn::Set(Floats(), p.y);
    const V vx = hn::Set(Floats(), p.x);
    for (size_t i = 0; i < n; i += lanes()) {
      // Multiply, then add, like the plain twin: no fused rounding that only some CPUs have.
      const V sum = hn::Add(hn::Add(load(b + i), hn::Mul(vy, load(wy + i))), hn::Mul(vx, load(wx + i)));
      store(hn::Max(zero, sum), hidden + i);
    }
  }
}
void OffsetReluF32(const float* base, size_t pitch, const float* wy, const float* wx,
                   const LiffTarget* targets, size_t count, float* hidden, size_t n) {
  offset_relu_into(base, pitch, wy, wx, targets, count, hidden, n);
}
void OffsetReluBf16(const float* base, size_t pitch, const float* wy, const float* wx,
                    const LiffTarget* targets, size_t count, BFloat16* hidden, size_t n) {
  offset_relu_into(base, pitch, wy, wx, targets, count, hidden, n);
}

using Sixteen = hn::CappedTag<float, 16>;
using V16 = hn::Vec<Sixteen>;
constexpr size_t kParts = 16 / hn::MaxLanes(Sixteen());  // vectors of sixteen sums

// The sum of sixteen, in the order that pixel_products() says.
#if HWY_TARGET == HWY_SCALAR
HWY_INLINE float sum_of(const V16 (&s)[kParts]) {
  float sum[kParts];
  for (size_t i = 0; i < kParts; ++i) sum[i] = hn::GetLane(s[i]);
  for (size_t half = kParts / 2; half > 0; half /= 2) {
    for (size_t j = 0; j < half; ++j) sum[j] += sum[j + half];
  }
  return sum[0];
}
#else
template <typename W, size_t parts>
HWY_INLINE hn::Vec<hn::CappedTag<float, 4> > sums_of_four(const W (&s)[parts]) {
  const hn::CappedTag<float, 4> four;
  const hn::CappedTag<float, 8> eight;
  if constexpr (parts == 4) {
    return hn::Add(hn::Add(s[0], s[2]), hn::Add(s[1], s[3]));
  } else if constexpr (parts == 2) {
    const W pairs = hn::Add(s[0], s[1]);
    return hn::Add(hn::LowerHalf(four, pairs), hn::UpperHalf(four, pairs));
  } else {
    const auto pairs = hn::Add(hn::LowerHalf(eight, s[0]), hn::UpperHalf(eight, s[0]));
    return hn::Add(hn::LowerHalf(four, pairs), hn::UpperHalf(four, pairs));
  }
}
HWY_INLINE float sum_of(const V16 (&s)[kParts]) {
  auto sum = sums_of_four(s);
  sum = hn::Add(sum, hn::Shuffle1032(sum));
  return hn::GetLane(hn::Add(sum, hn::Shuffle2301(sum)));
}
#endif

template <Arithmetic arithmetic>
HWY_INLINE void f32_products(const float* HWY_RESTRICT tail, size_t pitch, const float* HWY_RESTRICT hidden,
                             size_t n, const LiffTarget* HWY_RESTRICT targets, size_t count) {
  const Sixteen d;
  for (size_t t = 0; t < count; ++t, hidden += n) {
    const float* HWY_RESTRICT a = tail + targets[t].source * pitch;
    V16 sum[3][kParts];
    for (auto& colour : sum) {
      for (V16& s : colour) s = hn::Zero(d);
    }
    for (size_t i = 0; i < n; i += 16) {
      for (size_t p = 0; p < kParts; ++p) {
        const size_t at = i + p * hn::Lanes(d);
        const V16 v = hn::LoadU(d, hidden + at);
        for (size_t c = 0; c < 3; ++c) {
          sum[c][p] = multiply_add<arithmetic>(hn::LoadU(d, a + c * n + at), v, sum[c][p]);
        }
      }
    }
    for (size_t c = 0; c < 3; ++c) targets[t].out[c] = sum_of(sum[c]) + a[3 * n + c];
  }
}
void PixelProductsF32(const float* tail, size_t pitch, const float* hidden, size_t n,
                      const LiffTarget* targets, size_t count, Arithmetic arithmetic) {
  if (arithmetic == Arithmetic::kExact) {
    f32_products<Arithmetic::kExact>(tail, pitch, hidden, n, targets, count);
  } else {
    f32_products<Arithmetic::kFast>(tail, pitch, hidden, n, targets, count);
  }
}

void PixelProductsBf16(const BFloat16* HWY_RESTRICT tail, size_t pitch, const BFloat16* HWY_RESTRICT hidden,
                       size_t n, const LiffTarget* HWY_RESTRICT targets, size_t count) {
  const Floats d;
  for (size_t t = 0; t < count; ++t, hidden += n) {
    const BFloat16* HWY_RESTRICT a = tail + targets[t].source * pitch;
    V s0 = hn::Zero(d);
    V s1 = s0;
    V s2 = s0;
    for (size_t i = 0; i < n; i += lanes()) {
      const V v = load(hidden + i);
      s0 = hn::MulAdd(load(a + i), v, s0);
      s1 = hn::MulAdd(load(a + n + i), v, s1);
      s2 = hn::MulAdd(load(a + 2 * n + i), v, s2);
    }
    float* out = targets[t].out;
    out[0] = hn::GetLane(hn::SumOfLanes(d, s0)) + to_float(a[3 * n]);
    out[1] = hn::GetLane(hn::SumOfLanes(d, s1)) + to_float(a[3 * n + 1]);
    out[2] = hn::GetLane(hn::SumOfLanes(d, s2)) + to_float(a[3 * n + 2]);
  }
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
HWY_EXPORT(CopyAndRound);
HWY_EXPORT(Widen);
HWY_EXPORT(AddF32);
HWY_EXPORT(AddBf16);
HWY_EXPORT(SquareF32);
HWY_EXPORT(SquareBf16);
HWY_EXPORT(Normalise);
HWY_EXPORT(ScaleChannels);
HWY_EXPORT(TimesSlopeF32);
HWY_EXPORT(TimesSlopeBf16);
HWY_EXPORT(OffsetReluF32);
HWY_EXPORT(OffsetReluBf16);
HWY_EXPORT(PixelProductsF32);
HWY_EXPORT(PixelProductsBf16);
HWY_EXPORT(ShiftAndClamp);
HWY_EXPORT(TargetName);

void round_to_bf16(const float* x, BFloat16* out, size_t n) {
  HWY_DYNAMIC_DISPATCH(RoundToBf16)(x, out, n);
}
void copy_and_round(const float* x, float* copy, BFloat16* rounded, size_t n) {
  HWY_DYNAMIC_DISPATCH(CopyAndRound)(x, copy, rounded, n);
}
void widen(const BFloat16* x, float* out, size_t n) {
  HWY_DYNAMIC_DISPATCH(Widen)(x, out, n);
}
void add(const float* x, float* sum, size_t n) {
  HWY_DYNAMIC_DISPATCH(AddF32)(x, sum, n);
}
void add(const BFloat16* x, float* sum, size_t n) {
  HWY_DYNAMIC_DISPATCH(AddBf16)(x, sum, n);
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
void times_slope(const float* hidden, float slope, float* x, size_t n) {
  HWY_DYNAMIC_DISPATCH(TimesSlopeF32)(hidden, slope, x, n);
}
void times_slope(const BFloat16* hidden, float slope, BFloat16* x, size_t n) {
  HWY_DYNAMIC_DISPATCH(TimesSlopeBf16)(hidden, slope, x, n);
}
void offset_relu(const float* base, size_t pitch, const float* wy, const float* wx, const LiffTarget* targets,
                 size_t count, float* hidden, size_t n) {
  HWY_DYNAMIC_DISPATCH(OffsetReluF32)(base, pitch, wy, wx, targets, count, hidden, n);
}
void offset_relu(const float* base, size_t pitch, const float* wy, const float* wx, const LiffTarget* targets,
                 size_t count, BFloat16* hidden, size_t n) {
  HWY_DYNAMIC_DISPATCH(OffsetReluBf16)(base, pitch, wy, wx, targets, count, hidden, n);
}
void pixel_products(const float* tail, size_t pitch, const float* hidden, size_t n, const LiffTarget* targets,
                    size_t count, Arithmetic arithmetic) {
  HWY_DYNAMIC_DISPATCH(PixelProductsF32)(tail, pitch, hidden, n, targets, count, arithmetic);
}
void pixel_products(const BFloat16* tail, size_t pitch, const BFloat16* hidden, size_t n,
                    const LiffTarget* targets, size_t count) {
  HWY_DYNAMIC_DISPATCH(PixelProductsBf16)(tail, pitch, hidden, n, targets, count);
}
void shift_and_clamp(const float* acc, const int32_t* shift, int32_t limit, float* out, size_t channels) {
  HWY_DYNAMIC_DISPATCH(ShiftAndClamp)(acc, shift, limit, out, channels);
}
const char* kernel_target() {
  return HWY_DYNAMIC_DISPATCH(TargetName)();
}

}  // namespace compass::nn
#endif  // HWY_ONCE
