// The inner loops that are ours and not oneDNN's: conversions, GDN's pointwise half, LIFF's two per-pixel
// products. Each exists twice: vectorised with Highway, the widest instructions of the CPU chosen at run
// time, and as a plain loop (namespace plain) that says what it computes. Tests hold one against the other.
#pragma once

#include <cstddef>
#include <cstdint>

#include "nn/element.h"

namespace compass::nn {

// out[i] = x[i] rounded to bf16.
void round_to_bf16(const float* x, BFloat16* out, size_t n);
// out[i] = x[i].
void widen(const BFloat16* x, float* out, size_t n);

// sum[i] += x[i].
void add(const float* x, float* sum, size_t n);
// out[i] = x[i]^2.
void square(const float* x, float* out, size_t n);
void square(const float* x, BFloat16* out, size_t n);

// GDN's second half: x[i] /= sqrt(norm[i]); inverse: x[i] *= sqrt(norm[i]).
void normalise(float* x, const float* norm, size_t n, bool inverse);

// out[p*channels + c] = x[p*channels + c] * gain[c].
void scale_channels(const float* x, const float* gain, float* out, size_t pixels, size_t channels);

// LIFF's first layer per target pixel: out[i] = max(0, base[i] + y*wy[i] + x*wx[i]).
void offset_relu(const float* base, const float* wy, const float* wx, float y, float x, float* out, size_t n);
void offset_relu(const float* base, const float* wy, const float* wx, float y, float x, BFloat16* out,
                 size_t n);

// LIFF's last layer: out[c] = sum_i a[c*n + i] * h[i], c = 0, 1, 2; n a multiple of 16.
void filter_products(const float* a, const float* h, size_t n, float out[3]);
void filter_products(const BFloat16* a, const BFloat16* h, size_t n, float out[3]);

// The integer networks' rounding shift on integers held in floats, |acc| < 2^24:
// out = clamp((acc + (shift > 0 ? 2^(shift-1) : 0)) >> shift, 0, limit), shifts per channel; out may be acc.
void shift_and_clamp(const float* acc, const int32_t* shift, int32_t limit, float* out, size_t channels);

// The instruction set that the functions above run on, e.g. "AVX3".
const char* kernel_target();

namespace plain {
void round_to_bf16(const float* x, BFloat16* out, size_t n);
void widen(const BFloat16* x, float* out, size_t n);
void add(const float* x, float* sum, size_t n);
void square(const float* x, float* out, size_t n);
void square(const float* x, BFloat16* out, size_t n);
void normalise(float* x, const float* norm, size_t n, bool inverse);
void scale_channels(const float* x, const float* gain, float* out, size_t pixels, size_t channels);
void offset_relu(const float* base, const float* wy, const float* wx, float y, float x, float* out, size_t n);
void offset_relu(const float* base, const float* wy, const float* wx, float y, float x, BFloat16* out,
                 size_t n);
void filter_products(const float* a, const float* h, size_t n, float out[3]);
void filter_products(const BFloat16* a, const BFloat16* h, size_t n, float out[3]);
void shift_and_clamp(const float* acc, const int32_t* shift, int32_t limit, float* out, size_t channels);
}  // namespace plain

}  // namespace compass::nn
