#include "pyramid.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace compass::train {
namespace {

double keys(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

}  // namespace

torch::Tensor bicubic_matrix(int64_t in, int64_t out, const torch::Device& device) {
  const double ratio = static_cast<double>(in) / static_cast<double>(out);
  const double stretch = std::max(1.0, ratio);
  const double support = 2.0 * stretch;
  torch::Tensor matrix = torch::zeros({out, in});
  auto m = matrix.accessor<float, 2>();
  for (int64_t i = 0; i < out; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * ratio;
    const auto first = std::max<int64_t>(0, static_cast<int64_t>(centre - support + 0.5));
    const auto last = std::min<int64_t>(in, static_cast<int64_t>(centre + support + 0.5));
    double sum = 0.0;
    for (int64_t j = first; j < last; ++j) {
      const double w = keys((static_cast<double>(j) - centre + 0.5) / stretch);
      m[i][j] = static_cast<float>(w);
      sum += w;
    }
    for (int64_t j = first; j < last; ++j) m[i][j] = static_cast<float>(m[i][j] / sum);
  }
  return matrix.to(device);
}

namespace {

// matrix * x for a banded matrix [out,in], x [..,in,W]. An output row depends on a few input rows only, so
// that the matrix is multiplied in blocks along its band.
torch::Tensor banded_product(const torch::Tensor& matrix, const torch::Tensor& x) {
  constexpr int64_t kRows = 32;
  const int64_t out = matrix.size(0), in = matrix.size(1);
  const double ratio = static_cast<double>(in) / static_cast<double>(out);
  const double support = 2.0 * std::max(1.0, ratio) + 1.0;
  std::vector<torch::Tensor> blocks;
  for (int64_t top = 0; top < out; top += kRows) {
    const int64_t bottom = std::min(out, top + kRows);
    const auto first = std::max<int64_t>(0, std::llround(static_cast<double>(top) * ratio - support));
    const auto last = std::min<int64_t>(in, std::llround(static_cast<double>(bottom) * ratio + support));
    blocks.push_back(
        at::matmul(matrix.slice(0, top, bottom).slice(1, first, last), x.slice(-2, first, last)));
  }
  return at::cat(blocks, -2);
}

}  // namespace

torch::Tensor resize_bicubic(const torch::Tensor& x, int64_t height, int64_t width) {
  // With gradients every block would fill and add one of the whole map; GPUs prefer one product.
  const bool blocks = x.is_cpu() && !(at::GradMode::is_enabled() && x.requires_grad());
  torch::Tensor result = x;
  if (height != x.size(2)) {
    const torch::Tensor matrix = bicubic_matrix(x.size(2), height, x.device());
    result = blocks ? banded_product(matrix, result) : at::matmul(matrix, result);
  }
  if (width != x.size(3)) {
    const torch::Tensor matrix = bicubic_matrix(x.size(3), width, x.device());
    result = blocks ? banded_product(matrix, result.transpose(2, 3).contiguous()).transpose(2, 3).contiguous()
                    : at::matmul(result, matrix.t());
  }
  return result;
}

}  // namespace compass::train
