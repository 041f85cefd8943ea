#include "winograd.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "graph/winograd_points.h"
#include "layout.h"

namespace compass::train {
namespace {

using torch::Tensor;

constexpr int64_t kBlock = nn::kWinogradBlock;
constexpr int64_t kInputs = nn::kWinogradInputs;
constexpr int64_t kPoints = nn::kWinogradPoints;
constexpr int64_t kPartFloats = int64_t{1} << 20;  // of a part's points and products

// Channels that are worked on at a time: a vector, or what is left of one.
constexpr int64_t kLanes = 8;
using Lanes __attribute__((vector_size(sizeof(float) * kLanes))) = float;

Lanes load(const float* from, int64_t count) {
  Lanes x{};
  if (count == kLanes) {
    std::memcpy(&x, from, sizeof x);
  } else {
    std::memcpy(&x, from, sizeof(float) * count);
  }
  return x;
}

void store(const Lanes& x, float* to, int64_t count) {
  if (count == kLanes) {
    std::memcpy(to, &x, sizeof x);
  } else {
    std::memcpy(to, &x, sizeof(float) * count);
  }
}

// The places, their squares, and the products of a place's distances to the others.
constexpr float kA = nn::kWinogradNear, kB = nn::kWinogradFar, kA2 = kA * kA, kB2 = kB * kB;
constexpr float kOfZero = kA2 * kB2, kOfA = 2 * kA2 * (kA2 - kB2), kOfB = 2 * kB2 * (kB2 - kA2);

// The paper's matrices, each along one side. B^T: pixels to points.
struct OfPixels {
  static constexpr int64_t kFrom = kInputs, kTo = kInputs;
  static void apply(const Lanes (&d)[kFrom], Lanes (&p)[kTo]) {
    const Lanes even = d[4] - kB2 * d[2], odd = kA * (d[3] - kB2 * d[1]);
    const Lanes far_even = d[4] - kA2 * d[2], far_odd = kB * (d[3] - kA2 * d[1]);
    p[0] = kA2 * kB2 * d[0] - (kA2 + kB2) * d[2] + d[4];
    p[1] = even + odd;
    p[2] = even - odd;
    p[3] = far_even + far_odd;
    p[4] = far_even - far_odd;
    p[5] = kA2 * kB2 * d[1] - (kA2 + kB2) * d[3] + d[5];
  }
};

// G: a kernel to points.
struct OfKernel {
  static constexpr int64_t kFrom = 3, kTo = kInputs;
  static void apply(const Lanes (&g)[kFrom], Lanes (&p)[kTo]) {
    const Lanes ends = (g[0] + kA2 * g[2]) * (1 / kOfA), middle = g[1] * (kA / kOfA);
    const Lanes far_ends = (g[0] + kB2 * g[2]) * (1 / kOfB), far_middle = g[1] * (kB / kOfB);
    p[0] = g[0] * (1 / kOfZero);
    p[1] = ends + middle;
    p[2] = ends - middle;
    p[3] = far_ends + far_middle;
    p[4] = far_ends - far_middle;
    p[5] = g[2];
  }
};

// A^T: products to outputs.
struct ToOutputs {
  static constexpr int64_t kFrom = kInputs, kTo = kBlock;
  static void apply(const Lanes (&m)[kFrom], Lanes (&y)[kTo]) {
    const Lanes near = m[1] + m[2], near_odd = kA * (m[1] - m[2]);
    const Lanes far = m[3] + m[4], far_odd = kB * (m[3] - m[4]);
    y[0] = m[0] + near + far;
    y[1] = near_odd + far_odd;
    y[2] = kA2 * near + kB2 * far;
    y[3] = kA2 * near_odd + kB2 * far_odd + m[5];
  }
};

// A: gradients of outputs to those of products.
struct OfGradients {
  static constexpr int64_t kFrom = kBlock, kTo = kInputs;
  static void apply(const Lanes (&g)[kFrom], Lanes (&p)[kTo]) {
    const Lanes even = g[0] + kA2 * g[2], odd = kA * (g[1] + kA2 * g[3]);
    const Lanes far_even = g[0] + kB2 * g[2], far_odd = kB * (g[1] + kB2 * g[3]);
    p[0] = g[0];
    p[1] = even + odd;
    p[2] = even - odd;
    p[3] = far_even + far_odd;
    p[4] = far_even - far_odd;
    p[5] = g[3];
  }
};

// G^T: gradients of a kernel's points to the kernel's.
struct ToKernel {
  static constexpr int64_t kFrom = kInputs, kTo = 3;
  static void apply(const Lanes (&p)[kFrom], Lanes (&g)[kTo]) {
    const Lanes near = (p[1] + p[2]) * (1 / kOfA), far = (p[3] + p[4]) * (1 / kOfB);
    g[0] = p[0] * (1 / kOfZero) + near + far;
    g[1] = (p[1] - p[2]) * (kA / kOfA) + (p[3] - p[4]) * (kB / kOfB);
    g[2] = kA2 * near + kB2 * far + p[5];
  }
};

// Applies a matrix to both sides of squares of values, for each of `channels`. `from(i)` and `to(i)` say
// where the value i of a square begins, row by row.
template <typename Matrix, typename From, typename To>
void transform(int64_t channels, const From& from, const To& to) {
  constexpr int64_t m = Matrix::kFrom, n = Matrix::kTo;
  for (int64_t c = 0; c < channels; c += kLanes) {
    const int64_t count = std::min(kLanes, channels - c);
    Lanes half[n][m];
    for (int64_t j = 0; j < m; ++j) {
      Lanes column[m], made[n];
      for (int64_t i = 0; i < m; ++i) column[i] = load(from(i * m + j) + c, count);
      Matrix::apply(column, made);
      for (int64_t i = 0; i < n; ++i) half[i][j] = made[i];
    }
    for (int64_t i = 0; i < n; ++i) {
      Lanes made[n];
      Matrix::apply(half[i], made);
      for (int64_t j = 0; j < n; ++j) store(made[j], to(i * n + j) + c, count);
    }
  }
}

// The blocks that a map's pixels make, picture by picture, row by row.
struct Blocks {
  int64_t pictures, height, width, channels;

  explicit Blocks(const Tensor& map)
      : pictures(map.size(0)), height(map.size(2)), width(map.size(3)), channels(map.size(1)) {}

  int64_t across() const { return (width + kBlock - 1) / kBlock; }
  int64_t down() const { return (height + kBlock - 1) / kBlock; }
  int64_t count() const { return pictures * down() * across(); }

  // Where the n x n pixels from `before` above and left of block `b` lie; `outside` for those that are not
  // there.
  template <int64_t n, typename T>
  void find(T* map, T* outside, int64_t b, int64_t before, T* (&at)[n * n]) const {
    const int64_t picture = b / (down() * across());
    const int64_t top = b / across() % down() * kBlock - before, left = b % across() * kBlock - before;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        const int64_t y = top + i, x = left + j;
        const bool inside = y >= 0 && y < height && x >= 0 && x < width;
        at[i * n + j] = inside ? map + ((picture * height + y) * width + x) * channels : outside;
      }
    }
  }
};

// Values at points, [36,n,C], some floats between the points: they would meet in one set of the cache.
class PointMaps {
 public:
  PointMaps(int64_t n, int64_t channels, const Tensor& like)
      : channels_(channels),
        stride_(n * channels + 48),
        values_(at::empty({kPoints * stride_}, like.options())),
        begin_(values_.data_ptr<float>()),
        maps_(values_.as_strided({kPoints, n, channels}, {stride_, channels, 1})) {}

  float* at(int64_t point, int64_t n) const { return begin_ + point * stride_ + n * channels_; }
  // [count,C].
  Tensor first(int64_t point, int64_t count) const { return maps_[point].narrow(0, 0, count); }

 private:
  int64_t channels_, stride_;
  Tensor values_;
  float* begin_;
  Tensor maps_;
};

// Blocks that are worked on at a time.
int64_t part_of(int64_t in, int64_t out, int64_t count) {
  return std::min(count, std::max<int64_t>(32, kPartFloats / (kPoints * (in + out))));
}

// G g G^T of kernels [O,I,3,3], turned by half a circle if told: [36][O][I].
Tensor kernel_points(const Tensor& kernels, bool turned) {
  const Tensor weight = channels_last(kernels);
  const int64_t out = weight.size(0), in = weight.size(1);
  Tensor points = at::empty({kPoints, out, in}, weight.options());
  for (int64_t o = 0; o < out; ++o) {
    const float* kernel = weight.data_ptr<float>() + o * 9 * in;
    float* to = points.data_ptr<float>() + o * in;
    transform<OfKernel>(
        in, [&](int64_t i) { return kernel + (turned ? 8 - i : i) * in; },
        [&](int64_t p) { return to + p * out * in; });
  }
  return points;
}

void inputs_to_points(const Tensor& x, const Blocks& blocks, int64_t first, int64_t count, const float* zeros,
                      const PointMaps& points) {
  for (int64_t n = 0; n < count; ++n) {
    const float* d[kPoints];
    blocks.find<kInputs, const float>(x.data_ptr<float>(), zeros, first + n, 1, d);
    transform<OfPixels>(
        blocks.channels, [&](int64_t i) { return d[i]; }, [&](int64_t p) { return points.at(p, n); });
  }
}

// x [B,C,H,W] with kernels [36][C][C'] at points; bias [C'] may be undefined.
Tensor convolve_at_points(const Tensor& map, const Tensor& kernels, const Tensor& bias) {
  const Tensor x = channels_last(map);
  const int64_t in = x.size(1), out = kernels.size(2);
  Tensor y = at::empty({x.size(0), out, x.size(2), x.size(3)}, x.options(), at::MemoryFormat::ChannelsLast);
  const Blocks from(x), to(y);
  const int64_t part = part_of(in, out, from.count());
  const PointMaps points(part, in, x), products(part, out, x);
  const std::vector<float> zeros(in);
  std::vector<float> nowhere(out);
  for (int64_t first = 0; first < from.count(); first += part) {
    const int64_t count = std::min(part, from.count() - first);
    inputs_to_points(x, from, first, count, zeros.data(), points);
    for (int64_t p = 0; p < kPoints; ++p) {
      Tensor product = products.first(p, count);
      at::mm_out(product, points.first(p, count), kernels[p]);
    }
    for (int64_t n = 0; n < count; ++n) {
      float* at[kBlock * kBlock];
      to.find<kBlock>(y.data_ptr<float>(), nowhere.data(), first + n, 0, at);
      transform<ToOutputs>(
          out, [&](int64_t p) { return products.at(p, n); }, [&](int64_t i) { return at[i]; });
    }
  }
  if (bias.defined()) y.add_(bias.view({1, -1, 1, 1}));
  return y;
}

}  // namespace

Tensor winograd(const Tensor& map, const Tensor& weight, const Tensor& bias) {
  const torch::NoGradGuard guard;
  return convolve_at_points(map, kernel_points(weight, false).transpose(1, 2), bias);
}

Tensor winograd_to_map(const Tensor& grad, const Tensor& weight) {
  const torch::NoGradGuard guard;
  return convolve_at_points(grad, kernel_points(weight, true), {});
}

Tensor winograd_to_weight(const Tensor& map, const Tensor& gradient) {
  const torch::NoGradGuard guard;
  const Tensor x = channels_last(map), grad = channels_last(gradient);
  const Blocks from(x), to(grad);
  const int64_t in = x.size(1), out = grad.size(1);
  const int64_t part = part_of(in, out, from.count());
  const PointMaps points(part, in, x), products(part, out, x);
  Tensor kernels = at::zeros({kPoints, out, in}, x.options());
  const std::vector<float> zeros(std::max(in, out));
  for (int64_t first = 0; first < from.count(); first += part) {
    const int64_t count = std::min(part, from.count() - first);
    inputs_to_points(x, from, first, count, zeros.data(), points);
    for (int64_t n = 0; n < count; ++n) {
      const float* g[kBlock * kBlock];
      to.find<kBlock, const float>(grad.data_ptr<float>(), zeros.data(), first + n, 0, g);
      transform<OfGradients>(
          out, [&](int64_t i) { return g[i]; }, [&](int64_t p) { return products.at(p, n); });
    }
    for (int64_t p = 0; p < kPoints; ++p) {
      Tensor sum = kernels[p];
      sum.addmm_(products.first(p, count).t(), points.first(p, count));
    }
  }
  Tensor made = at::empty({out, in, 3, 3}, x.options(), at::MemoryFormat::ChannelsLast);
  for (int64_t o = 0; o < out; ++o) {
    const float* at = kernels.data_ptr<float>() + o * in;
    float* kernel = made.data_ptr<float>() + o * 9 * in;
    transform<ToKernel>(
        in, [&](int64_t p) { return at + p * out * in; }, [&](int64_t i) { return kernel + i * in; });
  }
  return made;
}

}  // namespace compass::train
