#include "nn/gated_filter.h"

#include <gtest/gtest.h>

#include <vector>

#include "nn/testing/random.h"
#include "nn/testing/target.h"

namespace compass::nn {
namespace {

class GatedFilter : public OnEveryTarget {};
class RowProducts : public OnEveryTarget {};
INSTANTIATE_TEST_SUITE_P(Targets, GatedFilter, testing::ValuesIn(kernel_targets()), target_name);
INSTANTIATE_TEST_SUITE_P(Targets, RowProducts, testing::ValuesIn(kernel_targets()), target_name);

TEST_P(GatedFilter, OneAndManyEqualTheirPlainTwins) {
  RandomFloats random(5);
  for (const size_t n : {1, 7, 16, 61}) {
    for (const size_t taps : {0, 1, 43}) {
      std::vector<std::vector<float>> rows;
      for (size_t i = 0; i < taps + kFilterGates; ++i) rows.push_back(random(n + kFilterPadding));
      std::vector<const float*> pointers;
      for (const auto& row : rows) pointers.push_back(row.data());
      constexpr size_t kFilters = 15;
      const auto weights = random(kFilters * (taps + 1) * kFilterGates);
      std::vector<float> a(n + kFilterPadding), b(n);
      const auto filter = [&](Arithmetic arithmetic) {
        gated_filter(pointers.data(), taps, pointers.data() + taps, weights.data(), a.data(), n, arithmetic);
      };
      plain::gated_filter(pointers.data(), taps, pointers.data() + taps, weights.data(), b.data(), n);
      filter(Arithmetic::kExact);
      for (size_t x = 0; x < n; ++x) ASSERT_EQ(a[x], b[x]) << n << " " << taps << " " << x;
      filter(Arithmetic::kFast);
      for (size_t x = 0; x < n; ++x) EXPECT_NEAR(a[x], b[x], 1e-4F) << n << " " << taps << " " << x;
      const size_t stride = n + kFilterPadding;
      for (const size_t filters : {size_t{3}, kFilters}) {
        std::vector<float> many(filters * stride), twin(filters * stride);
        gated_filters(pointers.data(), taps, pointers.data() + taps, weights.data(), filters, many.data(),
                      stride, n);
        plain::gated_filters(pointers.data(), taps, pointers.data() + taps, weights.data(), filters,
                             twin.data(), stride, n);
        for (size_t f = 0; f < filters; ++f) {
          for (size_t x = 0; x < n; ++x) {
            EXPECT_NEAR(many[f * stride + x], twin[f * stride + x], 1e-4F) << n << " " << taps << " " << f;
          }
        }
      }
    }
  }
}

TEST_P(RowProducts, EqualTheirPlainTwin) {
  std::mt19937 generator(6);
  std::uniform_real_distribution<float> distribution(-1.0F, 1.0F);
  for (const size_t n : {1, 5, 25}) {
    for (const size_t length : {16, 96}) {
      std::vector<float> rows(n * length);
      for (float& v : rows) v = distribution(generator);
      std::vector<double> a(n * n, 2.0), b(n * n, 2.0);
      add_row_products(rows.data(), n, length, a.data());
      plain::add_row_products(rows.data(), n, length, b.data());
      for (size_t i = 0; i < n * n; ++i) EXPECT_NEAR(a[i], b[i], 1e-5) << n << " " << length << " " << i;
    }
  }
}

}  // namespace
}  // namespace compass::nn
