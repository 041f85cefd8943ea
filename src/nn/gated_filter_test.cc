#include "nn/gated_filter.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace compass::nn {
namespace {

TEST(GatedFilter, EqualsItsPlainTwin) {
  std::mt19937 generator(5);
  std::uniform_real_distribution<float> distribution(-1.0F, 1.0F);
  const auto random = [&](size_t count) {
    std::vector<float> values(count);
    for (float& v : values) v = distribution(generator);
    return values;
  };
  for (const size_t n : {1, 7, 16, 61}) {
    for (const size_t taps : {0, 1, 43}) {
      std::vector<std::vector<float>> rows;
      for (size_t i = 0; i < taps + kFilterGates; ++i) rows.push_back(random(n + kFilterPadding));
      std::vector<const float*> pointers;
      for (const auto& row : rows) pointers.push_back(row.data());
      const auto weights = random((taps + 1) * kFilterGates);
      std::vector<float> a(n + kFilterPadding), b(n);
      gated_filter(pointers.data(), taps, pointers.data() + taps, weights.data(), a.data(), n);
      plain::gated_filter(pointers.data(), taps, pointers.data() + taps, weights.data(), b.data(), n);
      for (size_t x = 0; x < n; ++x) EXPECT_NEAR(a[x], b[x], 1e-4F) << n << " " << taps << " " << x;
    }
  }
}

}  // namespace
}  // namespace compass::nn
