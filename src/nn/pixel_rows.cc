#include "nn/pixel_rows.h"

#include <algorithm>

#include "core/samples.h"

// Highway compiles everything below once per instruction set; the last part of the file, once, picks among
// them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/pixel_rows.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace compass::nn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using V = hn::Vec<Floats>;

void SplitPixels(const float* pixels, const float* addend, size_t n, const std::array<float*, 3>& rows) {
  const Floats d;
  size_t x = 0;
  for (; x + hn::Lanes(d) <= n; x += hn::Lanes(d)) {
    V c0, c1, c2;
    hn::LoadInterleaved3(d, pixels + 3 * x, c0, c1, c2);
    if (addend != nullptr) {
      V a0, a1, a2;
      hn::LoadInterleaved3(d, addend + 3 * x, a0, a1, a2);
      c0 = hn::Add(c0, a0);
      c1 = hn::Add(c1, a1);
      c2 = hn::Add(c2, a2);
    }
    hn::StoreU(c0, d, rows[0] + x);
    hn::StoreU(c1, d, rows[1] + x);
    hn::StoreU(c2, d, rows[2] + x);
  }
  plain::split_pixels(pixels + 3 * x, addend == nullptr ? nullptr : addend + 3 * x, n - x,
                      {rows[0] + x, rows[1] + x, rows[2] + x});
}

void RoundSamples(const float* samples, size_t n, uint8_t* bytes) {
  const Floats d;
  const hn::RebindToSigned<Floats> whole;
  const hn::Rebind<uint8_t, Floats> narrow;
  size_t x = 0;
  for (; x + hn::Lanes(d) <= n; x += hn::Lanes(d)) {
    const V v = hn::LoadU(d, samples + x);
    const V positive = hn::IfThenElseZero(hn::Gt(v, hn::Zero(d)), v);  // a NaN is not
    const V scaled = hn::Mul(hn::Min(positive, hn::Set(d, 1.0F)), hn::Set(d, 255.0F));
    const auto rounded = hn::ConvertTo(whole, hn::Add(scaled, hn::Set(d, 0.5F)));
    hn::StoreU(hn::DemoteTo(narrow, rounded), narrow, bytes + x);
  }
  plain::round_samples(samples + x, n - x, bytes + x);
}

}  // namespace compass::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compass::nn {

HWY_EXPORT(SplitPixels);
HWY_EXPORT(RoundSamples);

void split_pixels(const float* pixels, const float* addend, size_t n, const std::array<float*, 3>& rows) {
  HWY_DYNAMIC_DISPATCH(SplitPixels)(pixels, addend, n, rows);
}

void round_samples(const float* samples, size_t n, uint8_t* bytes) {
  HWY_DYNAMIC_DISPATCH(RoundSamples)(samples, n, bytes);
}

namespace plain {

void split_pixels(const float* pixels, const float* addend, size_t n, const std::array<float*, 3>& rows) {
  for (size_t x = 0; x < n; ++x) {
    for (size_t c = 0; c < 3; ++c) {
      rows[c][x] = addend == nullptr ? pixels[3 * x + c] : pixels[3 * x + c] + addend[3 * x + c];
    }
  }
}

void round_samples(const float* samples, size_t n, uint8_t* bytes) {
  std::transform(samples, samples + n, bytes, byte_of_sample);
}

}  // namespace plain
}  // namespace compass::nn
#endif  // HWY_ONCE
