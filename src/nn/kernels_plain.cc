#include <algorithm>
#include <cmath>

#include "nn/kernels.h"

namespace compass::nn::plain {

void round_to_bf16(const float* x, BFloat16* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = to_bf16(x[i]);
}

void widen(const BFloat16* x, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = to_float(x[i]);
}

void add(const float* x, float* sum, size_t n) {
  for (size_t i = 0; i < n; ++i) sum[i] += x[i];
}

void square(const float* x, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = x[i] * x[i];
}

void square(const float* x, BFloat16* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = to_bf16(x[i] * x[i]);
}

void normalise(float* x, const float* norm, size_t n, bool inverse) {
  for (size_t i = 0; i < n; ++i) {
    const float root = std::sqrt(norm[i]);
    x[i] = inverse ? x[i] * root : x[i] / root;
  }
}

void scale_channels(const float* x, const float* gain, float* out, size_t pixels, size_t channels) {
  for (size_t p = 0; p < pixels; ++p) {
    for (size_t c = 0; c < channels; ++c) out[p * channels + c] = x[p * channels + c] * gain[c];
  }
}

void offset_relu(const float* base, const float* wy, const float* wx, float y, float x, float* out,
                 size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = std::max(0.0F, base[i] + y * wy[i] + x * wx[i]);
}

void offset_relu(const float* base, const float* wy, const float* wx, float y, float x, BFloat16* out,
                 size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = to_bf16(std::max(0.0F, base[i] + y * wy[i] + x * wx[i]));
}

void filter_products(const float* a, const float* h, size_t n, float out[3]) {
  for (size_t c = 0; c < 3; ++c) {
    out[c] = 0.0F;
    for (size_t i = 0; i < n; ++i) out[c] += a[c * n + i] * h[i];
  }
}

void filter_products(const BFloat16* a, const BFloat16* h, size_t n, float out[3]) {
  for (size_t c = 0; c < 3; ++c) {
    out[c] = 0.0F;
    for (size_t i = 0; i < n; ++i) out[c] += to_float(a[c * n + i]) * to_float(h[i]);
  }
}

void shift_and_clamp(const float* acc, const int32_t* shift, int32_t limit, float* out, size_t channels) {
  for (size_t c = 0; c < channels; ++c) {
    const auto value = static_cast<int32_t>(acc[c]);
    const int32_t half = shift[c] > 0 ? int32_t{1} << (shift[c] - 1) : 0;
    // A right shift of a negative integer floors in C++20.
    out[c] = static_cast<float>(std::clamp((value + half) >> shift[c], 0, limit));
  }
}

}  // namespace compass::nn::plain
