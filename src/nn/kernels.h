// The inner loops that are ours and not oneDNN's: conversions, GDN's pointwise half, LIFF's two per-pixel
// products. Each exists twice: vectorised with Highway, the widest instructions of the CPU chosen at run
// time, and as a plain loop (namespace plain) that says what it computes. Tests hold one against the other.
#pragma once

#include <cstddef>
#include <cstdint>

#include "nn/arithmetic.h"
#include "nn/element.h"

namespace compass::nn {

// out[i] = x[i] rounded to bf16.
void round_to_bf16(const float* x, BFloat16* out, size_t n);
// copy[i] = x[i]; rounded[i] = x[i] rounded to bf16.
void copy_and_round(const float* x, float* copy, BFloat16* rounded, size_t n);
// out[i] = x[i].
void widen(const BFloat16* x, float* out, size_t n);

// sum[i] += x[i].
void add(const float* x, float* sum, size_t n);
void add(const BFloat16* x, float* sum, size_t n);
// out[i] = x[i]^2.
void square(const float* x, float* out, size_t n);
void square(const float* x, BFloat16* out, size_t n);

// GDN's second half: x[i] /= sqrt(norm[i]); inverse: x[i] *= sqrt(norm[i]).
void normalise(float* x, const float* norm, size_t n, bool inverse);

// out[p*channels + c] = x[p*channels + c] * gain[c].
void scale_channels(const float* x, const float* gain, float* out, size_t pixels, size_t channels);

// x[i] *= the slope at hidden[i] of an activation that is 1 above zero and `slope` elsewhere.
void times_slope(const float* hidden, float slope, float* x, size_t n);
void times_slope(const BFloat16* hidden, float slope, BFloat16* x, size_t n);

// A target pixel of LIFF: the index of its source pixel in `base` and `tail`, its offset (y, x) from that
// pixel as GridAxis::relative gives it, and where its three colours are written.
struct LiffTarget {
  int32_t source = 0;
  float y = 0.0F;
  float x = 0.0F;
  float* out = nullptr;
};

// LIFF's first layer. For target t with source s: hidden[t*n + i] = max(0, base[s*pitch + i] + y*wy[i] +
// x*wx[i]); n a multiple of 16.
void offset_relu(const float* base, size_t pitch, const float* wy, const float* wx, const LiffTarget* targets,
                 size_t count, float* hidden, size_t n);
void offset_relu(const float* base, size_t pitch, const float* wy, const float* wx, const LiffTarget* targets,
                 size_t count, BFloat16* hidden, size_t n);

// LIFF's last layer. For target t with source s and a = tail + s*pitch, c = 0, 1, 2:
// out[c] = sum_i a[c*n + i] * hidden[t*n + i] + a[3*n + c]; n a multiple of 16. In f32 the sum is that of 16
// sums, over i = j mod 16 each in the order of i, which are added in pairs: j and j + 8, of these j and j +
// 4, then j + 2, then j + 1.
void pixel_products(const float* tail, size_t pitch, const float* hidden, size_t n, const LiffTarget* targets,
                    size_t count, Arithmetic arithmetic);
void pixel_products(const BFloat16* tail, size_t pitch, const BFloat16* hidden, size_t n,
                    const LiffTarget* targets, size_t count);

// The integer networks' rounding shift on integers held in floats, |acc| < 2^24:
// out = clamp((acc + (shift > 0 ? 2^(shift-1) : 0)) >> shift, 0, limit), shifts per channel; out may be acc.
void shift_and_clamp(const float* acc, const int32_t* shift, int32_t limit, float* out, size_t channels);

// Highway's name of the instruction set that the functions above use on this CPU, e.g. "AVX3".
const char* kernel_target();

namespace plain {
void copy_and_round(const float* x, float* copy, BFloat16* rounded, size_t n);
void round_to_bf16(const float* x, BFloat16* out, size_t n);
void widen(const BFloat16* x, float* out, size_t n);
void add(const float* x, float* sum, size_t n);
void add(const BFloat16* x, float* sum, size_t n);
void square(const float* x, float* out, size_t n);
void square(const float* x, BFloat16* out, size_t n);
void normalise(float* x, const float* norm, size_t n, bool inverse);
void scale_channels(const float* x, const float* gain, float* out, size_t pixels, size_t channels);
void times_slope(const float* hidden, float slope, float* x, size_t n);
void times_slope(const BFloat16* hidden, float slope, BFloat16* x, size_t n);
void offset_relu(const float* base, size_t pitch, const float* wy, const float* wx, const LiffTarget* targets,
                 size_t count, float* hidden, size_t n);
void offset_relu(const float* base, size_t pitch, const float* wy, const float* wx, const LiffTarget* targets,
                 size_t count, BFloat16* hidden, size_t n);
void pixel_products(const float* tail, size_t pitch, const float* hidden, size_t n, const LiffTarget* targets,
                    size_t count);
void pixel_products(const BFloat16* tail, size_t pitch, const BFloat16* hidden, size_t n,
                    const LiffTarget* targets, size_t count);
void shift_and_clamp(const float* acc, const int32_t* shift, int32_t limit, float* out, size_t channels);
}  // namespace plain

}  // namespace compass::nn
