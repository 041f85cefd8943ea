#include "winograd.h"

#include <algorithm>
#include <vector>

#include "layout.h"

namespace compass::train {
namespace {

using torch::Tensor;

constexpr int64_t kPoints = 16;
constexpr int64_t kPartFloats = int64_t{1} << 19;  // of a part's points and products

// G: from a row of a kernel to points.
Tensor to_kernel(const Tensor& like) {
  return torch::tensor({1.0, 0.0, 0.0, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5, 0.0, 0.0, 1.0}, like.options())
      .view({4, 3});
}

// The patches of 4x4 pixels around the blocks of 2x2 that a map's pixels make, picture by picture, row by
// row.
struct Blocks {
  int64_t pictures, height, width, channels;

  explicit Blocks(const Tensor& map)
      : pictures(map.size(0)), height(map.size(2)), width(map.size(3)), channels(map.size(1)) {}

  int64_t across() const { return (width + 1) / 2; }
  int64_t down() const { return (height + 1) / 2; }
  int64_t count() const { return pictures * down() * across(); }

  // Where the n x n pixels from `before` above and left of block `b` lie; `outside` for those that are not
  // there.
  template <int n, typename T>
  void find(T* map, T* outside, int64_t b, int64_t before, T* (&at)[n * n]) const {
    const int64_t picture = b / (down() * across());
    const int64_t top = b / across() % down() * 2 - before, left = b % across() * 2 - before;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        const int64_t y = top + i, x = left + j;
        const bool inside = y >= 0 && y < height && x >= 0 && x < width;
        at[i * n + j] = inside ? map + ((picture * height + y) * width + x) * channels : outside;
      }
    }
  }
};

// One patch [16][channels], of which `d` finds the pixels, to its points, `stride` floats apart.
void patch_points(const float* const (&d)[16], int64_t channels, float* points, int64_t stride) {
#pragma GCC ivdep
  for (int64_t c = 0; c < channels; ++c) {
    float t[4][4];
    for (int j = 0; j < 4; ++j) {
      t[0][j] = d[j][c] - d[8 + j][c];
      t[1][j] = d[4 + j][c] + d[8 + j][c];
      t[2][j] = d[8 + j][c] - d[4 + j][c];
      t[3][j] = d[4 + j][c] - d[12 + j][c];
    }
    for (int i = 0; i < 4; ++i) {
      float* to = points + 4 * i * stride + c;
      to[0] = t[i][0] - t[i][2];
      to[stride] = t[i][1] + t[i][2];
      to[2 * stride] = t[i][2] - t[i][1];
      to[3 * stride] = t[i][1] - t[i][3];
    }
  }
}

// The products of one block to its four outputs.
void block_outputs(const float* points, int64_t stride, int64_t channels, const float* bias,
                   float* const (&y)[4]) {
#pragma GCC ivdep
  for (int64_t c = 0; c < channels; ++c) {
    float s[2][4];
    for (int j = 0; j < 4; ++j) {
      const float* m = points + j * stride + c;
      s[0][j] = m[0] + m[4 * stride] + m[8 * stride];
      s[1][j] = m[4 * stride] - m[8 * stride] - m[12 * stride];
    }
    for (int i = 0; i < 2; ++i) {
      y[2 * i][c] = s[i][0] + s[i][1] + s[i][2] + bias[c];
      y[2 * i + 1][c] = s[i][1] - s[i][2] - s[i][3] + bias[c];
    }
  }
}

// The way back: gradients of one block's outputs to those of its products.
void gradient_points(const float* const (&g)[4], int64_t channels, float* points, int64_t stride) {
#pragma GCC ivdep
  for (int64_t c = 0; c < channels; ++c) {
    float t[4][2];
    for (int j = 0; j < 2; ++j) {
      t[0][j] = g[j][c];
      t[1][j] = g[j][c] + g[2 + j][c];
      t[2][j] = g[j][c] - g[2 + j][c];
      t[3][j] = -g[2 + j][c];
    }
    for (int i = 0; i < 4; ++i) {
      float* to = points + 4 * i * stride + c;
      to[0] = t[i][0];
      to[stride] = t[i][0] + t[i][1];
      to[2 * stride] = t[i][0] - t[i][1];
      to[3 * stride] = -t[i][1];
    }
  }
}

// Blocks that are worked on at a time.
int64_t part_of(int64_t in, int64_t out, int64_t count) {
  return std::min(count, std::max<int64_t>(32, kPartFloats / (kPoints * (in + out))));
}

// [16,n,C], some floats between the points: they would meet in one set of the cache.
Tensor point_maps(int64_t n, int64_t channels, const Tensor& like) {
  const int64_t stride = n * channels + 48;
  return at::empty({kPoints * stride}, like.options())
      .as_strided({kPoints, n, channels}, {stride, channels, 1});
}

// Of the blocks `first` .. `first + count` of x; what is outside of it is `zeros`, [channels].
void patches_to_points(const Tensor& x, const Blocks& blocks, int64_t first, int64_t count,
                       const float* zeros, const Tensor& points) {
  for (int64_t n = 0; n < count; ++n) {
    const float* d[16];
    blocks.find<4, const float>(x.data_ptr<float>(), zeros, first + n, 1, d);
    patch_points(d, blocks.channels, points.data_ptr<float>() + n * blocks.channels, points.stride(0));
  }
}

}  // namespace

Tensor winograd(const Tensor& map, const Tensor& weight, const Tensor& bias) {
  const torch::NoGradGuard guard;
  const Tensor x = channels_last(map);
  const int64_t in = weight.size(1), out = weight.size(0);
  Tensor y = at::empty({x.size(0), out, x.size(2), x.size(3)}, x.options(), at::MemoryFormat::ChannelsLast);
  const Blocks from(x), to(y);
  // G g G^T at each point, as [in,out].
  const Tensor g = to_kernel(x);
  const Tensor kernels =
      at::einsum("ai,ocij,bj->abco", {g, weight, g}).reshape({kPoints, in, out}).contiguous();
  const int64_t part = part_of(in, out, from.count());
  const Tensor points = point_maps(part, in, x), products = point_maps(part, out, x);
  const std::vector<float> zeros(in);
  std::vector<float> nowhere(out), none(out);
  const float* b = bias.defined() ? bias.data_ptr<float>() : none.data();
  for (int64_t first = 0; first < from.count(); first += part) {
    const int64_t count = std::min(part, from.count() - first);
    patches_to_points(x, from, first, count, zeros.data(), points);
    for (int64_t p = 0; p < kPoints; ++p) {
      Tensor product = products[p].narrow(0, 0, count);
      at::mm_out(product, points[p].narrow(0, 0, count), kernels[p]);
    }
    for (int64_t n = 0; n < count; ++n) {
      float* at[4];
      to.find<2>(y.data_ptr<float>(), nowhere.data(), first + n, 0, at);
      block_outputs(products.data_ptr<float>() + n * out, products.stride(0), out, b, at);
    }
  }
  return y;
}

Tensor winograd_to_weight(const Tensor& map, const Tensor& gradient) {
  const torch::NoGradGuard guard;
  const Tensor x = channels_last(map), grad = channels_last(gradient);
  const Blocks from(x), to(grad);
  const int64_t in = x.size(1), out = grad.size(1);
  const int64_t part = part_of(in, out, from.count());
  const Tensor points = point_maps(part, in, x), products = point_maps(part, out, x);
  Tensor kernels = at::zeros({kPoints, out, in}, x.options());
  const std::vector<float> zeros(std::max(in, out));
  for (int64_t first = 0; first < from.count(); first += part) {
    const int64_t count = std::min(part, from.count() - first);
    patches_to_points(x, from, first, count, zeros.data(), points);
    for (int64_t n = 0; n < count; ++n) {
      const float* g[4];
      to.find<2, const float>(grad.data_ptr<float>(), zeros.data(), first + n, 0, g);
      gradient_points(g, out, products.data_ptr<float>() + n * out, products.stride(0));
    }
    for (int64_t p = 0; p < kPoints; ++p) {
      Tensor sum = kernels[p];
      sum.addmm_(products[p].narrow(0, 0, count).t(), points[p].narrow(0, 0, count));
    }
  }
  const Tensor g = to_kernel(x);
  return channels_last(at::einsum("ai,aboc,bj->ocij", {g, kernels.view({4, 4, out, in}), g}));
}

}  // namespace compass::train
