// The loop filter in training form against the runtime's.
#include "loop_filter.h"

#include <gtest/gtest.h>

#include "codec/testing/filter.h"
#include "codec/testing/pictures.h"

namespace compass::train {
namespace {

Tensor weights_of(const FilterWeights& filter) {
  std::vector<float> values = filter.values;
  return torch::from_blob(values.data(), {1 + filter.directions, 3, kFilterTaps, kFilterGates}).clone();
}

// [1,3,H,W].
Tensor picture_of(const Image& image) {
  Tensor x = torch::empty({1, 3, image.height(), image.width()});
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < image.height(); ++y) {
      std::copy_n(image.row(c, y), image.width(), x[0][c][y].data_ptr<float>());
    }
  }
  return x;
}

double squared(const Tensor& x) {
  return at::square(x).sum().item<double>();
}

TEST(LoopFilter, CorrectsAsTheRuntimeDoes) {
  const FilterWeights filter = random_filter(0);
  for (const Size size : {Size{1, 1}, Size{2, 5}, Size{67, 41}}) {
    const Image image = test_picture(size);
    const Tensor made = LoopFilter(weights_of(filter)).correction(picture_of(image), weights_of(filter));
    const Tensor expected = picture_of(corrections(image, filter, {}));
    EXPECT_LT((made - expected).abs().max().item<float>(), 3e-5F) << size.width << "x" << size.height;
  }
}

// A picture that its directions can mend is mended, each sample by coefficients of its own; and the filter's
// own weights count, too.
TEST(LoopFilter, FindsTheStepsOfEachSample) {
  const FilterWeights filter = random_filter(3);
  const Tensor sets = weights_of(filter);
  const LoopFilter loop(sets);
  const Tensor x =
      at::cat({picture_of(test_picture({150, 90})), picture_of(test_picture({150, 90})).flip(3)});
  const Tensor coefficients = torch::tensor({{2.0F, -1.0F, 0.5F}, {-3.0F, 0.0F, 1.0F}});
  const Tensor weights = sets[0] + at::einsum("bk,kctg->bctg", {coefficients, sets.slice(0, 1)});
  const Tensor wanted = x + loop.correction(x, weights);
  const Tensor left = wanted - x - loop.best_correction(x, wanted);
  EXPECT_LT(squared(left), 1e-4 * squared(wanted - x));
  EXPECT_GT(squared(wanted - x - loop.correction(x, sets.narrow(0, 0, 1).expand({2, -1, -1, -1}))),
            0.05 * squared(wanted - x));
}

// The gradient of what is left after filtering by the best coefficients, against differences.
TEST(LoopFilter, HasTheGradientOfWhatItLeaves) {
  torch::manual_seed(4);
  const LoopFilter loop(weights_of(random_filter(2)));
  const Tensor wanted = picture_of(test_picture({40, 30}));
  const Tensor x = (wanted + 0.05 * torch::randn(wanted.sizes())).requires_grad_();
  const auto left = [&](const Tensor& made) {
    return at::square(wanted - made - loop.best_correction(made, wanted)).sum();
  };
  left(x).backward();
  for (int i = 0; i < 5; ++i) {
    const Tensor way = torch::randn(x.sizes());
    const Tensor step = 1e-3 * way;
    const double change = left(x.detach() + step).item<double>() - left(x.detach() - step).item<double>();
    const double expected = 2.0 * (x.grad() * step).sum().item<double>();
    EXPECT_NEAR(change, expected, 0.02 * std::abs(expected) + 1e-4) << i;
  }
}

}  // namespace
}  // namespace compass::train
