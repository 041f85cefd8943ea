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

constexpr float kNear = kWinogradNear, kFar = kWinogradFar;
constexpr float kNear2 = kNear * kNear, kFar2 = kFar * kFar;

// The paper's B^T along a column or a row of the inputs of a block: six pixels to as many points.
HWY_INLINE void to_points(const V (&d)[6], V (&p)[6]) {
  const Floats f;
  const V near = hn::Set(f, kNear), far = hn::Set(f, kFar);
  const V near2 = hn::Set(f, kNear2), far2 = hn::Set(f, kFar2);
  const V sum = hn::Set(f, kNear2 + kFar2), product = hn::Set(f, kNear2 * kFar2);
  const V near_even = hn::NegMulAdd(far2, d[2], d[4]), near_odd = hn::NegMulAdd(far2, d[1], d[3]);
  const V far_even = hn::NegMulAdd(near2, d[2], d[4]), far_odd = hn::NegMulAdd(near2, d[1], d[3]);
  p[0] = hn::MulAdd(product, d[0], hn::NegMulAdd(sum, d[2], d[4]));
  p[1] = hn::MulAdd(near, near_odd, near_even);
  p[2] = hn::NegMulAdd(near, near_odd, near_even);
  p[3] = hn::MulAdd(far, far_odd, far_even);
  p[4] = hn::NegMulAdd(far, far_odd, far_even);
  p[5] = hn::MulAdd(product, d[1], hn::NegMulAdd(sum, d[3], d[5]));
}

// A^T: six products to four outputs.
HWY_INLINE void to_outputs(const V (&m)[6], V (&y)[4]) {
  const Floats f;
  const auto weighted = [f](float a, V x, float b, V z)
                            HWY_ATTR { return hn::MulAdd(hn::Set(f, a), x, hn::Mul(hn::Set(f, b), z)); };
  const V near = hn::Add(m[1], m[2]), near_odd = hn::Sub(m[1], m[2]);
  const V far = hn::Add(m[3], m[4]), far_odd = hn::Sub(m[3], m[4]);
  y[0] = hn::Add(hn::Add(m[0], near), far);
  y[1] = weighted(kNear, near_odd, kFar, far_odd);
  y[2] = weighted(kNear2, near, kFar2, far);
  y[3] = hn::Add(weighted(kNear * kNear2, near_odd, kFar * kFar2, far_odd), m[5]);
}

void Inputs(const float* HWY_RESTRICT tile, int rows, int cols, size_t channels, float* HWY_RESTRICT points,
            size_t stride) {
  const size_t row = (static_cast<size_t>(cols) + 2) * channels;
  for (int y = 0; y < rows; y += kWinogradBlock) {
    for (int x = 0; x < cols; x += kWinogradBlock) {
      const float* corner = tile + y * row + x * channels;
      for (size_t c = 0; c < channels; c += hn::Lanes(Floats()), points += hn::Lanes(Floats())) {
        // Down the columns of the inputs, then along its rows.
        V half[6][6];
        for (int j = 0; j < 6; ++j) {
          V column[6], made[6];
          for (int i = 0; i < 6; ++i) column[i] = load(corner + i * row + j * channels + c);
          to_points(column, made);
          for (int i = 0; i < 6; ++i) half[i][j] = made[i];
        }
        for (size_t i = 0; i < 6; ++i) {
          V made[6];
          to_points(half[i], made);
          for (size_t j = 0; j < 6; ++j) store(made[j], points + (6 * i + j) * stride);
        }
      }
    }
  }
}

void Outputs(const float* HWY_RESTRICT points, size_t stride, int rows, int cols, size_t channels,
             const float* HWY_RESTRICT bias, float slope, float* HWY_RESTRICT tile) {
  const size_t row = static_cast<size_t>(cols) * channels;
  const V slopes = hn::Set(Floats(), slope);
  for (int y = 0; y < rows; y += kWinogradBlock) {
    for (int x = 0; x < cols; x += kWinogradBlock) {
      float* corner = tile + y * row + x * channels;
      for (size_t c = 0; c < channels; c += hn::Lanes(Floats()), points += hn::Lanes(Floats())) {
        V half[4][6];
        for (size_t j = 0; j < 6; ++j) {
          V column[6], made[4];
          for (size_t i = 0; i < 6; ++i) column[i] = load(points + (6 * i + j) * stride);
          to_outputs(column, made);
          for (int i = 0; i < 4; ++i) half[i][j] = made[i];
        }
        const V b = load(bias + c);
        for (int i = 0; i < 4; ++i) {
          V made[4];
          to_outputs(half[i], made);
          for (int j = 0; j < 4; ++j) {
            const V value = hn::Add(made[j], b);
            store(hn::Max(value, hn::Mul(value, slopes)), corner + i * row + j * channels + c);
          }
        }
      }
    }
  }
}

}  // namespace compass::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>

#include "nn/matrix_product.h"

namespace compass::nn {

HWY_EXPORT(Inputs);
HWY_EXPORT(Outputs);

void winograd_inputs(const float* tile, int rows, int cols, size_t channels, float* points, size_t stride) {
  HWY_DYNAMIC_DISPATCH(Inputs)(tile, rows, cols, channels, points, stride);
}
void winograd_outputs(const float* points, size_t stride, int rows, int cols, size_t channels,
                      const float* bias, float slope, float* tile) {
  HWY_DYNAMIC_DISPATCH(Outputs)(points, stride, rows, cols, channels, bias, slope, tile);
}

namespace {

constexpr int kSide = kWinogradBlock + 2;  // of a block's inputs, and of its points

constexpr float kA = kWinogradNear, kB = kWinogradFar;
constexpr float kA2 = kA * kA, kB2 = kB * kB;
// The products of a place's distances to the other places.
constexpr float kOfZero = kA2 * kB2, kOfA = 2 * kA2 * (kA2 - kB2), kOfB = 2 * kB2 * (kB2 - kA2);

constexpr float kOfInputs[kSide][kSide] = {
    {kA2 * kB2, 0, -kA2 - kB2, 0, 1, 0}, {0, -kA* kB2, -kB2, kA, 1, 0}, {0, kA* kB2, -kB2, -kA, 1, 0},
    {0, -kB* kA2, -kA2, kB, 1, 0},       {0, kB* kA2, -kA2, -kB, 1, 0}, {0, kA2* kB2, 0, -kA2 - kB2, 0, 1}};
constexpr float kOfKernel[kSide][3] = {{1 / kOfZero, 0, 0},
                                       {1 / kOfA, kA / kOfA, kA2 / kOfA},
                                       {1 / kOfA, -kA / kOfA, kA2 / kOfA},
                                       {1 / kOfB, kB / kOfB, kB2 / kOfB},
                                       {1 / kOfB, -kB / kOfB, kB2 / kOfB},
                                       {0, 0, 1}};
constexpr float kToOutput[kWinogradBlock][kSide] = {{1, 1, 1, 1, 1, 0},
                                                    {0, kA, -kA, kB, -kB, 0},
                                                    {0, kA2, kA2, kB2, kB2, 0},
                                                    {0, kA* kA2, -kA* kA2, kB* kB2, -kB* kB2, 1}};

}  // namespace

void winograd_kernels(const float* kernels, size_t in, size_t out, float* points) {
  // A panel's row at a time, for the compiler to compute with vectors.
  constexpr size_t kTogether = kPanelColumns;
  for (size_t n = 0; n < in * out / kTogether; ++n) {
    const float* first = kernels + 9 * (n / in * kTogether * in + n % in);
    float kernel[9][kTogether];
    for (size_t k = 0; k < kTogether; ++k) {
      for (size_t t = 0; t < 9; ++t) kernel[t][k] = first[9 * k * in + t];
    }
    for (int i = 0; i < kSide; ++i) {
      const float(&down)[3] = kOfKernel[i];
      float row[3][kTogether];
      for (int j = 0; j < 3; ++j) {
        for (size_t k = 0; k < kTogether; ++k) {
          row[j][k] = down[0] * kernel[j][k] + down[1] * kernel[3 + j][k] + down[2] * kernel[6 + j][k];
        }
      }
      for (int j = 0; j < kSide; ++j) {
        const float(&along)[3] = kOfKernel[j];
        float* made = points + (kSide * i + j) * in * out + n * kTogether;
        for (size_t k = 0; k < kTogether; ++k) {
          made[k] = along[0] * row[0][k] + along[1] * row[1][k] + along[2] * row[2][k];
        }
      }
    }
  }
}

namespace plain {

void winograd_inputs(const float* tile, int rows, int cols, size_t channels, float* points, size_t stride) {
  size_t block = 0;
  for (int y = 0; y < rows; y += kWinogradBlock) {
    for (int x = 0; x < cols; x += kWinogradBlock, ++block) {
      for (size_t c = 0; c < channels; ++c) {
        for (int p = 0; p < kWinogradPoints; ++p) {
          float sum = 0.0F;
          for (int i = 0; i < kSide; ++i) {
            for (int j = 0; j < kSide; ++j) {
              sum += kOfInputs[p / kSide][i] * kOfInputs[p % kSide][j] *
                     tile[((y + i) * (cols + 2) + x + j) * channels + c];
            }
          }
          points[p * stride + block * channels + c] = sum;
        }
      }
    }
  }
}

void winograd_outputs(const float* points, size_t stride, int rows, int cols, size_t channels,
                      const float* bias, float slope, float* tile) {
  size_t block = 0;
  for (int y = 0; y < rows; y += kWinogradBlock) {
    for (int x = 0; x < cols; x += kWinogradBlock, ++block) {
      for (size_t c = 0; c < channels; ++c) {
        for (int q = 0; q < kWinogradBlock * kWinogradBlock; ++q) {
          const int i = q / kWinogradBlock, j = q % kWinogradBlock;
          float sum = bias[c];
          for (int p = 0; p < kWinogradPoints; ++p) {
            sum +=
                kToOutput[i][p / kSide] * kToOutput[j][p % kSide] * points[p * stride + block * channels + c];
          }
          tile[((y + i) * cols + x + j) * channels + c] = std::max(sum, slope * sum);
        }
      }
    }
  }
}

}  // namespace plain
}  // namespace compass::nn
#endif  // HWY_ONCE
