#include "pyramid.h"

#include <algorithm>
#include <cmath>

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

torch::Tensor resize_bicubic(const torch::Tensor& x, int64_t height, int64_t width) {
  torch::Tensor result = x;
  if (height != x.size(2)) result = at::matmul(bicubic_matrix(x.size(2), height, x.device()), result);
  if (width != x.size(3)) {
    result = at::matmul(result, bicubic_matrix(x.size(3), width, x.device()).t());
  }
  return result;
}

}  // namespace compass::train
