// Both rules for LIFF's source pixels: the reference's against its maps, ours against what it promises.
#include "model_file/liff_grid.h"

#include <gtest/gtest.h>

#include "model_file/testing/golden_model.h"

namespace compass {
namespace {

TEST(LiffGrid, ReferenceRuleEqualsItsMaps) {
  const auto luts = Golden::open("luts.safetensors");
  if (!luts) GTEST_SKIP() << "no golden files here (set COMPASS_SHARED)";
  int compared = 0;
  for (const auto& [name, view] : luts->file().tensors()) {
    int sources = 0;
    int targets = 0;
    if (std::sscanf(name.c_str(), "near_%d_%d.ix", &sources, &targets) != 2 || !name.ends_with(".ix"))
      continue;
    const auto want = luts->integers(name);
    ASSERT_EQ(want.size(), static_cast<size_t>(targets)) << name;
    EXPECT_EQ(grid_axis(NearestRule::kReference, sources, targets, 0, targets).source, want) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 22);
}

TEST(LiffGrid, IntegerRule) {
  const GridAxis half =
      grid_axis(NearestRule::kInteger, 2, 3, 0, 3);  // centres 1/3, 1, 5/3 of 2: the tie goes up
  EXPECT_EQ(half.source, (std::vector<int>{0, 1, 1}));
  EXPECT_NEAR(half.relative[1], -1.0, 1e-6);
  for (const auto& [m, n] : {std::pair{1, 1}, {1, 7}, {5, 5}, {31, 97}, {1000, 4096}}) {
    const GridAxis axis = grid_axis(NearestRule::kInteger, m, n, 0, n);
    for (int i = 0; i < n; ++i) {
      EXPECT_GE(axis.source[i], 0);
      EXPECT_LT(axis.source[i], m);
      EXPECT_LE(std::abs(axis.relative[i]), 1.0F + 1e-6F);
      EXPECT_TRUE(m != n || axis.source[i] == i);
    }
    const GridAxis part = grid_axis(NearestRule::kInteger, m, n, n / 2, n - n / 2);
    EXPECT_EQ(part.source, std::vector<int>(axis.source.begin() + n / 2, axis.source.end()));
  }
}

// Half a source pixel before and after: neighbours, but at the ends, with the target between their centres.
TEST(LiffGrid, ShiftedRules) {
  for (const NearestRule rule : {NearestRule::kInteger, NearestRule::kReference}) {
    for (const auto& [m, n] : {std::pair{1, 1}, {1, 7}, {5, 5}, {2, 3}, {31, 97}, {500, 1024}}) {
      const GridAxis before = grid_axis(rule, m, n, 0, n, GridShift::kBefore);
      const GridAxis after = grid_axis(rule, m, n, 0, n, GridShift::kAfter);
      for (int i = 0; i < n; ++i) {
        // The reference's rule adds 1e-6 of half a picture before it rounds.
        const float slack = rule == NearestRule::kInteger ? 0.0F : 1e-6F * static_cast<float>(m) + 1e-5F;
        const bool inside = before.relative[i] >= -slack && after.relative[i] <= slack;
        if (before.source[i] == after.source[i]) {
          EXPECT_TRUE(before.source[i] == 0 || before.source[i] == m - 1);
        } else {
          EXPECT_EQ(after.source[i], before.source[i] + 1);
          EXPECT_TRUE(inside) << m << " " << n << " " << i;
          EXPECT_NEAR(before.relative[i] - after.relative[i], 2.0F, 1e-3F);
        }
      }
    }
  }
}

}  // namespace
}  // namespace compass
