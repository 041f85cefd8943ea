#include <algorithm>
#include <cmath>

#include "nn/kernels.h"

namespace compass::nn::plain {

void round_to_bf16(const float* x, BFloat16* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = to_bf16(x[i]);
}

void copy_and_round(const float* x, float* copy, BFloat16* rounded, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    copy[i] = x[i];
    rounded[i] = to_bf16(x[i]);
  }
}

void widen(const BFloat16* x, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = to_float(x[i]);
}

void add(const float* x, float* sum, size_t n) {
  for (size_t i = 0; i < n; ++i) sum[i] += x[i];
}

void add(const BFloat16* x, float* sum, size_t n) {
  for (size_t i = 0; i < n; ++i) sum[i] += to_float(x[i]);
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

void times_slope(const float* hidden, float slope, float* x, size_t n) {
  for (size_t i = 0; i < n; ++i) x[i] *= hidden[i] > 0.0F ? 1.0F : slope;
}

void times_slope(const BFloat16* hidden, float slope, BFloat16* x, size_t n) {
  for (size_t i = 0; i < n; ++i) x[i] = to_bf16(to_float(x[i]) * (to_float(hidden[i]) > 0.0F ? 1.0F : slope));
}

void offset_relu(const float* base, size_t pitch, const float* wy, const float* wx, const LiffTarget* targets,
                 size_t count, float* hidden, size_t n) {
  for (size_t t = 0; t < count; ++t) {
    const LiffTarget& p = targets[t];
    const float* b = base + p.source * pitch;
    for (size_t i = 0; i < n; ++i) hidden[t * n + i] = std::max(0.0F, b[i] + p.y * wy[i] + p.x * wx[i]);
  }
}

void offset_relu(const float* base, size_t pitch, const float* wy, const float* wx, const LiffTarget* targets,
                 size_t count, BFloat16* hidden, size_t n) {
  for (size_t t = 0; t < count; ++t) {
    const LiffTarget& p = targets[t];
    const float* b = base + p.source * pitch;
    for (size_t i = 0; i < n; ++i)
      hidden[t * n + i] = to_bf16(std::max(0.0F, b[i] + p.y * wy[i] + p.x * wx[i]));
  }
}

void pixel_products(const float* tail, size_t pitch, const float* hidden, size_t n, const LiffTarget* targets,
                    size_t count) {
  for (size_t t = 0; t < count; ++t) {
    const float* a = tail + targets[t].source * pitch;
    for (size_t c = 0; c < 3; ++c) {
      float sum[16] = {};
      for (size_t i = 0; i < n; ++i) sum[i % 16] += a[c * n + i] * hidden[t * n + i];
      for (size_t half = 8; half > 0; half /= 2) {
        for (size_t j = 0; j < half; ++j) sum[j] += sum[j + half];
      }
      targets[t].out[c] = sum[0] + a[3 * n + c];
    }
  }
}

void pixel_products(const BFloat16* tail, size_t pitch, const BFloat16* hidden, size_t n,
                    const LiffTarget* targets, size_t count) {
  for (size_t t = 0; t < count; ++t) {
    const BFloat16* a = tail + targets[t].source * pitch;
    for (size_t c = 0; c < 3; ++c) {
      float sum = 0.0F;
      for (size_t i = 0; i < n; ++i) sum += to_float(a[c * n + i]) * to_float(hidden[t * n + i]);
      targets[t].out[c] = sum + to_float(a[3 * n + c]);
    }
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
