#include "nn/winograd.h"

// Highway compiles everything below once per instruction set; the last part of the file, once, picks among
// them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/winograd.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "nn/multiply_add-inl.h"

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
template <Arithmetic arithmetic>
HWY_INLINE void to_points(const V (&d)[6], V (&p)[6]) {
  const Floats f;
  const auto plus = [](V a, V b, V c) HWY_ATTR { return multiply_add<arithmetic>(a, b, c); };
  const auto minus = [](V a, V b, V c) HWY_ATTR { return negative_multiply_add<arithmetic>(a, b, c); };
  const V near = hn::Set(f, kNear), far = hn::Set(f, kFar);
  const V near2 = hn::Set(f, kNear2), far2 = hn::Set(f, kFar2);
  const V sum = hn::Set(f, kNear2 + kFar2), product = hn::Set(f, kNear2 * kFar2);
  const V near_even = minus(far2, d[2], d[4]), near_odd = minus(far2, d[1], d[3]);
  const V far_even = minus(near2, d[2], d[4]), far_odd = minus(near2, d[1], d[3]);
  p[0] = plus(product, d[0], minus(sum, d[2], d[4]));
  p[1] = plus(near, near_odd, near_even);
  p[2] = minus(near, near_odd, near_even);
  p[3] = plus(far, far_odd, far_even);
  p[4] = minus(far, far_odd, far_even);
  p[5] = plus(product, d[1], minus(sum, d[3], d[5]));
}

// A^T: six products to four outputs.
template <Arithmetic arithmetic>
HWY_INLINE void to_outputs(const V (&m)[6], V (&y)[4]) {
  const Floats f;
  const auto weighted = [f](float a, V x, float b, V z) HWY_ATTR {
    return multiply_add<arithmetic>(hn::Set(f, a), x, hn::Mul(hn::Set(f, b), z));
  };
  const V near = hn::Add(m[1], m[2]), near_odd = hn::Sub(m[1], m[2]);
  const V far = hn::Add(m[3], m[4]), far_odd = hn::Sub(m[3], m[4]);
  y[0] = hn::Add(hn::Add(m[0], near), far);
  y[1] = weighted(kNear, near_odd, kFar, far_odd);
  y[2] = weighted(kNear2, near, kFar2, far);
  y[3] = hn::Add(weighted(kNear * kNear2, near_odd, kFar * kFar2, far_odd), m[5]);
}

template <Arithmetic arithmetic>
void inputs(const PixelGrid<const float>& pixels, const WinogradTile& tile,
            const WinogradPoints<float>& points) {
  const size_t row = pixels.row, pitch = pixels.pitch, stride = points.stride;
  float* of_block = points.data;
  for (int y = 0; y < tile.rows; y += kWinogradBlock) {
    for (int x = 0; x < tile.cols; x += kWinogradBlock, of_block += points.pitch) {
      const float* corner = pixels.data + y * row + x * pitch;
      for (size_t c = 0; c < tile.channels; c += hn::Lanes(Floats())) {
        // Down the columns of the inputs, then along its rows.
        V half[6][6];
        for (size_t j = 0; j < 6; ++j) {
          V column[6], made[6];
          for (size_t i = 0; i < 6; ++i) column[i] = load(corner + i * row + j * pitch + c);
          to_points<arithmetic>(column, made);
          for (size_t i = 0; i < 6; ++i) half[i][j] = made[i];
        }
        for (size_t i = 0; i < 6; ++i) {
          V made[6];
          to_points<arithmetic>(half[i], made);
          for (size_t j = 0; j < 6; ++j) store(made[j], of_block + (6 * i + j) * stride + c);
        }
      }
    }
  }
}

// What all blocks of a tile share.
struct Outputs {
  WinogradPoints<const float> points;
  WinogradTile tile;
  const float* bias;
  float slope;
  PixelGrid<const float> addend;
  PixelGrid<float> outputs;
};

// The outputs of the block at (y, x), whose products begin at `product`: all of them, or those inside `clip`.
template <Arithmetic arithmetic, bool all>
HWY_INLINE void block_outputs(const Outputs& o, const float* product, int y, int x, const Rect& clip) {
  const V slopes = hn::Set(Floats(), o.slope);
  float* const corner = o.outputs.data + y * o.outputs.row + x * o.outputs.pitch;
  const float* const added =
      o.addend.data + (o.addend.data == nullptr ? 0 : y * o.addend.row + x * o.addend.pitch);
  for (size_t c = 0; c < o.tile.channels; c += hn::Lanes(Floats())) {
    V half[4][6];
    for (size_t j = 0; j < 6; ++j) {
      V column[6], made[4];
      for (size_t i = 0; i < 6; ++i) column[i] = load(product + (6 * i + j) * o.points.stride + c);
      to_outputs<arithmetic>(column, made);
      for (size_t i = 0; i < 4; ++i) half[i][j] = made[i];
    }
    const V b = load(o.bias + c);
    for (int i = 0; i < 4; ++i) {
      if (!all && (y + i < clip.y || y + i >= clip.y + clip.height)) continue;
      V made[4];
      to_outputs<arithmetic>(half[i], made);
      for (int j = 0; j < 4; ++j) {
        if (!all && (x + j < clip.x || x + j >= clip.x + clip.width)) continue;
        V value = hn::Add(made[j], b);
        value = hn::Max(value, hn::Mul(value, slopes));
        if (o.addend.data != nullptr)
          value = hn::Add(value, load(added + i * o.addend.row + j * o.addend.pitch + c));
        store(value, corner + i * o.outputs.row + j * o.outputs.pitch + c);
      }
    }
  }
}

template <Arithmetic arithmetic>
void outputs(const Outputs& o, const Rect& clip) {
  const float* product = o.points.data;
  for (int y = 0; y < o.tile.rows; y += kWinogradBlock) {
    for (int x = 0; x < o.tile.cols; x += kWinogradBlock, product += o.points.pitch) {
      if (y >= clip.y && x >= clip.x && y + 4 <= clip.y + clip.height && x + 4 <= clip.x + clip.width) {
        block_outputs<arithmetic, true>(o, product, y, x, clip);
      } else {
        block_outputs<arithmetic, false>(o, product, y, x, clip);
      }
    }
  }
}

void ToPoints(const PixelGrid<const float>& pixels, const WinogradTile& tile,
              const WinogradPoints<float>& points, Arithmetic arithmetic) {
  if (arithmetic == Arithmetic::kExact) {
    inputs<Arithmetic::kExact>(pixels, tile, points);
  } else {
    inputs<Arithmetic::kFast>(pixels, tile, points);
  }
}

void ToOutputs(const WinogradPoints<const float>& points, const WinogradTile& tile, const float* bias,
               float slope, const PixelGrid<const float>& addend, const Rect& clip,
               const PixelGrid<float>& result, Arithmetic arithmetic) {
  const Outputs o{points, tile, bias, slope, addend, result};
  if (arithmetic == Arithmetic::kExact) {
    outputs<Arithmetic::kExact>(o, clip);
  } else {
    outputs<Arithmetic::kFast>(o, clip);
  }
}

}  // namespace compass::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>

#include "nn/panel_product.h"

namespace compass::nn {

HWY_EXPORT(ToPoints);
HWY_EXPORT(ToOutputs);

void winograd_inputs(const PixelGrid<const float>& pixels, const WinogradTile& tile,
                     const WinogradPoints<float>& points, Arithmetic arithmetic) {
  HWY_DYNAMIC_DISPATCH(ToPoints)(pixels, tile, points, arithmetic);
}
void winograd_outputs(const WinogradPoints<const float>& points, const WinogradTile& tile, const float* bias,
                      float slope, const PixelGrid<const float>& addend, const Rect& clip,
                      const PixelGrid<float>& outputs, Arithmetic arithmetic) {
  HWY_DYNAMIC_DISPATCH(ToOutputs)(points, tile, bias, slope, addend, clip, outputs, arithmetic);
}

namespace {

constexpr int kSide = kWinogradInputs;  // of a block's inputs, and of its points

constexpr float kA = kWinogradNear, kB = kWinogradFar;
constexpr float kA2 = kA * kA, kB2 = kB * kB;
// The products of a place's distances to the other places.
constexpr float kOfZero = kA2 * kB2, kOfA = 2 * kA2 * (kA2 - kB2), kOfB = 2 * kB2 * (kB2 - kA2);

constexpr float kOfKernel[kSide][3] = {{1 / kOfZero, 0, 0},
                                       {1 / kOfA, kA / kOfA, kA2 / kOfA},
                                       {1 / kOfA, -kA / kOfA, kA2 / kOfA},
                                       {1 / kOfB, kB / kOfB, kB2 / kOfB},
                                       {1 / kOfB, -kB / kOfB, kB2 / kOfB},
                                       {0, 0, 1}};

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
namespace {

// The transforms of the specification (docs/numerics.md): every product and sum rounds, in this order.
void to_points(const float (&d)[6], float (&p)[6]) {
  const float near_even = d[4] - kB2 * d[2], near_odd = d[3] - kB2 * d[1];
  const float far_even = d[4] - kA2 * d[2], far_odd = d[3] - kA2 * d[1];
  p[0] = kA2 * kB2 * d[0] + (d[4] - (kA2 + kB2) * d[2]);
  p[1] = kA * near_odd + near_even;
  p[2] = near_even - kA * near_odd;
  p[3] = kB * far_odd + far_even;
  p[4] = far_even - kB * far_odd;
  p[5] = kA2 * kB2 * d[1] + (d[5] - (kA2 + kB2) * d[3]);
}

void to_outputs(const float (&m)[6], float (&y)[4]) {
  const float near = m[1] + m[2], near_odd = m[1] - m[2];
  const float far = m[3] + m[4], far_odd = m[3] - m[4];
  y[0] = m[0] + near + far;
  y[1] = kA * near_odd + kB * far_odd;
  y[2] = kA2 * near + kB2 * far;
  y[3] = kA * kA2 * near_odd + kB * kB2 * far_odd + m[5];
}

}  // namespace

void winograd_inputs(const PixelGrid<const float>& pixels, const WinogradTile& tile,
                     const WinogradPoints<float>& points) {
  size_t block = 0;
  for (int y = 0; y < tile.rows; y += kWinogradBlock) {
    for (int x = 0; x < tile.cols; x += kWinogradBlock, ++block) {
      for (size_t c = 0; c < tile.channels; ++c) {
        float half[kSide][kSide];
        for (int j = 0; j < kSide; ++j) {
          float column[kSide], made[kSide];
          for (int i = 0; i < kSide; ++i) {
            column[i] = pixels.data[(y + i) * pixels.row + (x + j) * pixels.pitch + c];
          }
          to_points(column, made);
          for (int i = 0; i < kSide; ++i) half[i][j] = made[i];
        }
        for (int i = 0; i < kSide; ++i) {
          float made[kSide];
          to_points(half[i], made);
          for (int j = 0; j < kSide; ++j) {
            points.data[(i * kSide + j) * points.stride + block * points.pitch + c] = made[j];
          }
        }
      }
    }
  }
}

void winograd_outputs(const WinogradPoints<const float>& points, const WinogradTile& tile, const float* bias,
                      float slope, const PixelGrid<const float>& addend, const Rect& clip,
                      const PixelGrid<float>& outputs) {
  size_t block = 0;
  for (int y = 0; y < tile.rows; y += kWinogradBlock) {
    for (int x = 0; x < tile.cols; x += kWinogradBlock, ++block) {
      for (size_t c = 0; c < tile.channels; ++c) {
        float half[kWinogradBlock][kSide];
        for (int j = 0; j < kSide; ++j) {
          float column[kSide], made[kWinogradBlock];
          for (int i = 0; i < kSide; ++i) {
            column[i] = points.data[(i * kSide + j) * points.stride + block * points.pitch + c];
          }
          to_outputs(column, made);
          for (int i = 0; i < kWinogradBlock; ++i) half[i][j] = made[i];
        }
        for (int i = 0; i < kWinogradBlock; ++i) {
          float made[kWinogradBlock];
          to_outputs(half[i], made);
          for (int j = 0; j < kWinogradBlock; ++j) {
            const int row = y + i, col = x + j;
            if (row < clip.y || row >= clip.y + clip.height || col < clip.x || col >= clip.x + clip.width)
              continue;
            float value = made[j] + bias[c];
            value = std::max(value, value * slope);
            if (addend.data != nullptr) value += addend.data[row * addend.row + col * addend.pitch + c];
            outputs.data[row * outputs.row + col * outputs.pitch + c] = value;
          }
        }
      }
    }
  }
}

}  // namespace plain
}  // namespace compass::nn
#endif  // HWY_ONCE
