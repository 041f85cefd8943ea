#include "nn/winograd.h"

// Highway compiles everything below once per instruction set; the last part of the file, once, picks among
// them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/winograd.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace compass::nn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using V = hn::Vec<Floats>;

HWY_INLINE V load(const float* p) {
  return hn::LoadU(Floats(), p);
}
HWY_INLINE void store(V x, float* p) {
  hn::StoreU(x, Floats(), p);
}

void Patches(const float* HWY_RESTRICT tile, int rows, int cols, size_t channels, float* HWY_RESTRICT points,
             size_t stride) {
  const size_t row = (static_cast<size_t>(cols) + 2) * channels;
  for (int y = 0; y < rows; y += 2) {
    for (int x = 0; x < cols; x += 2) {
      const float* corner = tile + y * row + x * channels;
      for (size_t c = 0; c < channels; c += hn::Lanes(Floats()), points += hn::Lanes(Floats())) {
        // Down the columns of the patch, then along its rows.
        V t[4][4];
        for (int j = 0; j < 4; ++j) {
          const float* at = corner + j * channels + c;
          const V d0 = load(at), d1 = load(at + row), d2 = load(at + 2 * row), d3 = load(at + 3 * row);
          t[0][j] = hn::Sub(d0, d2);
          t[1][j] = hn::Add(d1, d2);
          t[2][j] = hn::Sub(d2, d1);
          t[3][j] = hn::Sub(d1, d3);
        }
        for (size_t i = 0; i < 4; ++i) {
          float* to = points + 4 * i * stride;
          store(hn::Sub(t[i][0], t[i][2]), to);
          store(hn::Add(t[i][1], t[i][2]), to + stride);
          store(hn::Sub(t[i][2], t[i][1]), to + 2 * stride);
          store(hn::Sub(t[i][1], t[i][3]), to + 3 * stride);
        }
      }
    }
  }
}

void Outputs(const float* HWY_RESTRICT points, size_t stride, int rows, int cols, size_t channels,
             const float* HWY_RESTRICT bias, float slope, float* HWY_RESTRICT tile) {
  const size_t row = static_cast<size_t>(cols) * channels;
  const V slopes = hn::Set(Floats(), slope);
  for (int y = 0; y < rows; y += 2) {
    for (int x = 0; x < cols; x += 2) {
      float* corner = tile + y * row + x * channels;
      for (size_t c = 0; c < channels; c += hn::Lanes(Floats()), points += hn::Lanes(Floats())) {
        V s[2][4];
        for (int j = 0; j < 4; ++j) {
          const float* at = points + j * stride;
          const V m1 = load(at + 4 * stride), m2 = load(at + 8 * stride);
          s[0][j] = hn::Add(hn::Add(load(at), m1), m2);
          s[1][j] = hn::Sub(hn::Sub(m1, m2), load(at + 12 * stride));
        }
        const V b = load(bias + c);
        const auto finish = [&](V sum, float* to) HWY_ATTR {
          const V value = hn::Add(sum, b);
          store(hn::Max(value, hn::Mul(value, slopes)), to);
        };
        for (int i = 0; i < 2; ++i) {
          float* to = corner + i * row + c;
          finish(hn::Add(hn::Add(s[i][0], s[i][1]), s[i][2]), to);
          finish(hn::Sub(hn::Sub(s[i][1], s[i][2]), s[i][3]), to + channels);
        }
      }
    }
  }
}

}  // namespace compass::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>

namespace compass::nn {

HWY_EXPORT(Patches);
HWY_EXPORT(Outputs);

void winograd_patches(const float* tile, int rows, int cols, size_t channels, float* points, size_t stride) {
  HWY_DYNAMIC_DISPATCH(Patches)(tile, rows, cols, channels, points, stride);
}
void winograd_outputs(const float* points, size_t stride, int rows, int cols, size_t channels,
                      const float* bias, float slope, float* tile) {
  HWY_DYNAMIC_DISPATCH(Outputs)(points, stride, rows, cols, channels, bias, slope, tile);
}

namespace {

constexpr float kToPatch[4][4] = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};
constexpr float kToKernel[4][3] = {{1, 0, 0}, {0.5F, 0.5F, 0.5F}, {0.5F, -0.5F, 0.5F}, {0, 0, 1}};
constexpr float kToOutput[2][4] = {{1, 1, 1, 0}, {0, 1, -1, -1}};

}  // namespace

void winograd_kernels(const float* kernels, size_t count, float* points) {
  for (size_t n = 0; n < count; ++n) {
    const float* kernel = kernels + 9 * n;
    float down[4][3];
    for (int i = 0; i < 4; ++i) {
      for (int j = 0; j < 3; ++j) {
        down[i][j] =
            kToKernel[i][0] * kernel[j] + kToKernel[i][1] * kernel[3 + j] + kToKernel[i][2] * kernel[6 + j];
      }
    }
    for (int i = 0; i < 4; ++i) {
      for (int j = 0; j < 4; ++j) {
        points[(4 * i + j) * count + n] =
            down[i][0] * kToKernel[j][0] + down[i][1] * kToKernel[j][1] + down[i][2] * kToKernel[j][2];
      }
    }
  }
}

namespace plain {

void winograd_patches(const float* tile, int rows, int cols, size_t channels, float* points, size_t stride) {
  size_t patch = 0;
  for (int y = 0; y < rows; y += 2) {
    for (int x = 0; x < cols; x += 2, ++patch) {
      for (size_t c = 0; c < channels; ++c) {
        for (int p = 0; p < kWinogradPoints; ++p) {
          float sum = 0.0F;
          for (int i = 0; i < 4; ++i) {
            for (int j = 0; j < 4; ++j) {
              sum += kToPatch[p / 4][i] * kToPatch[p % 4][j] *
                     tile[((y + i) * (cols + 2) + x + j) * channels + c];
            }
          }
          points[p * stride + patch * channels + c] = sum;
        }
      }
    }
  }
}

void winograd_outputs(const float* points, size_t stride, int rows, int cols, size_t channels,
                      const float* bias, float slope, float* tile) {
  size_t patch = 0;
  for (int y = 0; y < rows; y += 2) {
    for (int x = 0; x < cols; x += 2, ++patch) {
      for (size_t c = 0; c < channels; ++c) {
        for (int q = 0; q < 4; ++q) {
          float sum = bias[c];
          for (int p = 0; p < kWinogradPoints; ++p) {
            sum +=
                kToOutput[q / 2][p / 4] * kToOutput[q % 2][p % 4] * points[p * stride + patch * channels + c];
          }
          tile[((y + q / 2) * cols + x + q % 2) * channels + c] = std::max(sum, slope * sum);
        }
      }
    }
  }
}

}  // namespace plain
}  // namespace compass::nn
#endif  // HWY_ONCE
