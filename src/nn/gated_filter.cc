#include "nn/gated_filter.h"

// Highway compiles everything below once per instruction set; the last part of the file, once, picks among
// them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/gated_filter.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "nn/multiply_add-inl.h"

HWY_BEFORE_NAMESPACE();
namespace compass::nn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using V = hn::Vec<Floats>;

// Sums of two vectors of pixels at a time, of five gates or four: as many as registers hold, so that there
// are more products than loads.
constexpr size_t kVectors = 2;

template <Arithmetic arithmetic, size_t kGates>
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
      s[0][g] = multiply_add<arithmetic>(w, v0, s[0][g]);
      s[1][g] = multiply_add<arithmetic>(w, v1, s[1][g]);
    }
  }
  for (size_t g = 0; g < kGates; ++g) {
    for (size_t v = 0; v < kVectors; ++v) {
      sum[v] = multiply_add<arithmetic>(hn::LoadU(d, gates[g] + x + v * hn::Lanes(d)), s[v][g], sum[v]);
    }
  }
}

template <Arithmetic arithmetic>
HWY_INLINE void filter_row(const float* const* tap, size_t taps, const float* const* gates,
                           const float* HWY_RESTRICT weights, float* HWY_RESTRICT out, size_t n) {
  const Floats d;
  for (size_t x = 0; x < n; x += kVectors * hn::Lanes(d)) {
    V sum[kVectors] = {hn::Zero(d), hn::Zero(d)};
    AddGates<arithmetic, 5>(tap, taps, gates, weights, x, sum);
    AddGates<arithmetic, 4>(tap, taps, gates + 5, weights + 5, x, sum);
    for (size_t v = 0; v < kVectors; ++v) hn::StoreU(sum[v], d, out + x + v * hn::Lanes(d));
  }
}

void Filter(const float* const* tap, size_t taps, const float* const* gates, const float* weights, float* out,
            size_t n, Arithmetic arithmetic) {
  if (arithmetic == Arithmetic::kExact) {
    filter_row<Arithmetic::kExact>(tap, taps, gates, weights, out, n);
  } else {
    filter_row<Arithmetic::kFast>(tap, taps, gates, weights, out, n);
  }
}

// Sums of kRows filters over `terms`, [count][kVectors] vectors of taps times gates.
template <size_t kRows>
HWY_INLINE void SumTerms(const float* HWY_RESTRICT terms, size_t count, const float* HWY_RESTRICT weights,
                         float* HWY_RESTRICT out, size_t stride) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  V s[kRows][kVectors];
  for (auto& row : s) {
    for (auto& v : row) v = hn::Zero(d);
  }
  for (size_t i = 0; i < count; ++i) {
    const V v0 = hn::Load(d, terms + (i * kVectors) * lanes);
    const V v1 = hn::Load(d, terms + (i * kVectors + 1) * lanes);
    for (size_t r = 0; r < kRows; ++r) {
      const V w = hn::Set(d, weights[r * count + i]);
      s[r][0] = hn::MulAdd(w, v0, s[r][0]);
      s[r][1] = hn::MulAdd(w, v1, s[r][1]);
    }
  }
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVectors; ++v) hn::StoreU(s[r][v], d, out + r * stride + v * lanes);
  }
}

// Products of taps and gates are made once for all filters; the rest is a matrix product.
void Filters(const float* const* tap, size_t taps, const float* const* gates, const float* weights,
             size_t filters, float* out, size_t stride, size_t n) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  constexpr size_t kMaxLanes = 16;
  HWY_ALIGN float terms[(kMaxFilterTaps + 1) * kFilterGates * kVectors * kMaxLanes];
  const size_t count = (taps + 1) * kFilterGates;
  for (size_t x = 0; x < n; x += kVectors * lanes) {
    float* term = terms;
    for (size_t t = 0; t <= taps; ++t) {
      for (size_t g = 0; g < kFilterGates; ++g) {
        for (size_t v = 0; v < kVectors; ++v, term += lanes) {
          const V gate = hn::LoadU(d, gates[g] + x + v * lanes);
          hn::Store(t == taps ? gate : hn::Mul(gate, hn::LoadU(d, tap[t] + x + v * lanes)), d, term);
        }
      }
    }
    constexpr size_t kRows = 6;
    size_t f = 0;
    for (; f + kRows <= filters; f += kRows) {
      SumTerms<kRows>(terms, count, weights + f * count, out + f * stride + x, stride);
    }
    for (; f < filters; ++f) SumTerms<1>(terms, count, weights + f * count, out + f * stride + x, stride);
  }
}

// Row i with kCount rows from j on.
template <size_t kCount>
HWY_INLINE void AddProducts(const float* rows, size_t i, size_t j, size_t length, double* product) {
  const Floats d;
  V s[kCount];
  for (auto& v : s) v = hn::Zero(d);
  for (size_t x = 0; x < length; x += hn::Lanes(d)) {
    const V v = hn::LoadU(d, rows + i * length + x);
    for (size_t k = 0; k < kCount; ++k) {
      s[k] = hn::MulAdd(v, hn::LoadU(d, rows + (j + k) * length + x), s[k]);
    }
  }
  for (size_t k = 0; k < kCount; ++k) product[k] += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, s[k])));
}

void AddRowProducts(const float* rows, size_t n, size_t length, double* products) {
  constexpr size_t kTogether = 6;
  for (size_t i = 0; i < n; ++i) {
    size_t j = i;
    double* product = products + i * n;
    for (; j + kTogether <= n; j += kTogether) AddProducts<kTogether>(rows, i, j, length, product + j);
    for (; j < n; ++j) AddProducts<1>(rows, i, j, length, product + j);
  }
}

}  // namespace compass::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace compass::nn {

HWY_EXPORT(Filter);
HWY_EXPORT(Filters);
HWY_EXPORT(AddRowProducts);

void gated_filter(const float* const* tap, size_t taps, const float* const* gates, const float* weights,
                  float* out, size_t n, Arithmetic arithmetic) {
  HWY_DYNAMIC_DISPATCH(Filter)(tap, taps, gates, weights, out, n, arithmetic);
}

void gated_filters(const float* const* tap, size_t taps, const float* const* gates, const float* weights,
                   size_t filters, float* out, size_t stride, size_t n) {
  HWY_DYNAMIC_DISPATCH(Filters)(tap, taps, gates, weights, filters, out, stride, n);
}

void add_row_products(const float* rows, size_t n, size_t length, double* products) {
  HWY_DYNAMIC_DISPATCH(AddRowProducts)(rows, n, length, products);
}

namespace plain {

void add_row_products(const float* rows, size_t n, size_t length, double* products) {
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = i; j < n; ++j) {
      for (size_t x = 0; x < length; ++x) {
        products[i * n + j] += static_cast<double>(rows[i * length + x]) * rows[j * length + x];
      }
    }
  }
}

void gated_filters(const float* const* tap, size_t taps, const float* const* gates, const float* weights,
                   size_t filters, float* out, size_t stride, size_t n) {
  for (size_t f = 0; f < filters; ++f) {
    gated_filter(tap, taps, gates, weights + f * (taps + 1) * kFilterGates, out + f * stride, n);
  }
}

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
