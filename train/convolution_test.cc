// Our convolutions are LibTorch's own, values and gradients.
#include "convolution.h"

#include <gtest/gtest.h>

namespace compass::train {
namespace {

struct Case {
  int64_t batch, in, out, height, width, kernel, stride;
  bool bias;
};

class Convolution : public testing::TestWithParam<Case> {};

TEST_P(Convolution, EveryWayIsTheSame) {
  const auto& [batch, in, out, height, width, kernel, stride, with_bias] = GetParam();
  torch::manual_seed(1);
  const torch::Tensor map = torch::randn({batch, in, height, width});
  const torch::Tensor weight = torch::randn({out, in, kernel, kernel}), bias = torch::randn({out});
  const auto run = [&, s = stride, b = with_bias](auto function) {
    std::vector<torch::Tensor> leaves = {map.clone().requires_grad_(), weight.clone().requires_grad_()};
    if (b) leaves.push_back(bias.clone().requires_grad_());
    const torch::Tensor y = function(leaves[0], leaves[1], b ? leaves[2] : torch::Tensor(), s);
    // A gradient that differs from place to place.
    auto results = torch::autograd::grad({(y * torch::cos(y.detach())).sum()}, leaves);
    results.push_back(y.detach());
    return results;
  };
  const auto direct = run([](const auto& x, const auto& w, const auto& b, int64_t s) {
    return at::conv2d(x, w, b, s, w.size(2) / 2);
  });
  // The gradient that is asked for changes with y, which passes errors of y on.
  const auto expect_same = [&](const std::vector<torch::Tensor>& other, double limit) {
    ASSERT_EQ(direct.size(), other.size());
    for (size_t i = 0; i < direct.size(); ++i) {
      ASSERT_EQ(direct[i].sizes(), other[i].sizes()) << i;
      EXPECT_LE((direct[i] - other[i]).abs().max().item<double>(),
                limit * direct[i].abs().max().item<double>())
          << i;
    }
  };
  expect_same(run(convolve_by_products), 1e-5);
  if (kernel != 3 || stride != 1) return;
  // F(4x4, 3x3) rounds some four times as coarsely as sums of products do.
  expect_same(
      run([](const auto& x, const auto& w, const auto& b, int64_t) { return convolve_by_winograd(x, w, b); }),
      5e-5);
}

INSTANTIATE_TEST_SUITE_P(Shapes, Convolution,
                         testing::Values(Case{2, 12, 20, 17, 13, 3, 1, true},
                                         Case{1, 8, 5, 40, 31, 3, 2, true},  // more than a part
                                         Case{3, 7, 9, 6, 5, 5, 2, false}, Case{2, 16, 24, 9, 7, 1, 1, true},
                                         Case{2, 32, 131, 40, 37, 3, 1, false},
                                         Case{1, 70, 64, 64, 2, 3, 1, true}, Case{2, 6, 4, 9, 8, 1, 2, false},
                                         Case{2, 3, 4, 1, 1, 3, 1, true}, Case{1, 4, 3, 1, 7, 5, 1, true},
                                         Case{1, 1, 1, 5, 1, 3, 2, false}));

// A map that needs no gradient, such as a picture, gets none.
TEST(Convolution, LeavesMapsWithoutGradientsAlone) {
  const torch::Tensor map = torch::randn({1, 3, 8, 8});
  const torch::Tensor weight = torch::randn({4, 3, 3, 3}).requires_grad_();
  convolve_by_products(map, weight, {}, 1).sum().backward();
  EXPECT_TRUE(weight.grad().defined());
  EXPECT_FALSE(map.grad().defined());
}

}  // namespace
}  // namespace compass::train
