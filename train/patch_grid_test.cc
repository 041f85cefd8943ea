#include "patch_grid.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

namespace compass::train {
namespace {

Picture picture(int64_t height, int64_t width, int first) {
  const torch::Tensor values = torch::arange(first, first + height * width).remainder(256).to(torch::kByte);
  return {"p", "", values.view({1, height, width}).expand({3, height, width}).contiguous()};
}

TEST(PatchGrid, CountsWholeSquaresAndCutsThemInRows) {
  const std::vector<Picture> pictures = {picture(9, 13, 0), picture(3, 40, 7), picture(8, 4, 11)};
  const PatchGrid grid(pictures, 4);
  EXPECT_EQ(grid.count(), 2 * 3 + 0 + 2);
  const auto equal = [&](int64_t i, int64_t p, int64_t y, int64_t x) {
    const auto want = pictures[p].pixels.slice(1, y, y + 4).slice(2, x, x + 4).to(torch::kFloat) / 255.0;
    return at::equal(grid.patch(i), want);
  };
  EXPECT_TRUE(equal(0, 0, 0, 0));
  EXPECT_TRUE(equal(2, 0, 0, 8));
  EXPECT_TRUE(equal(3, 0, 4, 0));
  EXPECT_TRUE(equal(5, 0, 4, 8));
  EXPECT_TRUE(equal(6, 2, 0, 0));
  EXPECT_TRUE(equal(7, 2, 4, 0));
}

TEST(PatchGrid, EveryEpochHoldsEveryPatchOnce) {
  const std::vector<Picture> pictures = {picture(20, 28, 3)};
  const PatchGrid grid(pictures, 4);
  ASSERT_EQ(grid.count(), 35);
  std::vector<std::vector<float>> firsts;  // of three epochs, the samples at the patches' top left
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    const auto all = grid.patches(epoch * 35, 35, 9);
    std::vector<float> values;
    for (int64_t i = 0; i < 35; ++i) values.push_back(all[i][0][0][0].item<float>());
    firsts.push_back(values);
  }
  std::multiset<float> want;
  for (int64_t i = 0; i < 35; ++i) want.insert(grid.patch(i)[0][0][0].item<float>());
  for (const auto& values : firsts) EXPECT_EQ(std::multiset<float>(values.begin(), values.end()), want);
  EXPECT_NE(firsts[0], firsts[1]);
  EXPECT_NE(firsts[1], firsts[2]);
  // Any stretch of the sequence, whatever was drawn before it.
  EXPECT_TRUE(at::equal(grid.patches(30, 10, 9), at::cat({grid.patches(30, 5, 9), grid.patches(35, 5, 9)})));
}

TEST(PatchGrid, ShufflesAnyNumberOfThings) {
  for (const int64_t count : {1, 2, 3, 4, 5, 16, 17, 1000}) {
    std::set<int64_t> seen;
    for (int64_t i = 0; i < count; ++i) seen.insert(shuffled(i, count, 77));
    EXPECT_EQ(static_cast<int64_t>(seen.size()), count);
    EXPECT_EQ(*seen.begin(), 0);
    EXPECT_EQ(*seen.rbegin(), count - 1);
  }
  std::vector<int64_t> order(1000), other(1000);
  for (int64_t i = 0; i < 1000; ++i) order[i] = shuffled(i, 1000, 1), other[i] = shuffled(i, 1000, 2);
  EXPECT_NE(order, other);
  // Neighbours end up far apart: a third of the range on average for a random order.
  double apart = 0.0;
  for (int64_t i = 1; i < 1000; ++i) apart += static_cast<double>(std::abs(order[i] - order[i - 1])) / 999.0;
  EXPECT_NEAR(apart, 1000.0 / 3.0, 50.0);
}

}  // namespace
}  // namespace compass::train
