#include "nn/filter_gates.h"

#include <gtest/gtest.h>

#include <vector>

#include "nn/testing/random.h"
#include "nn/testing/target.h"

namespace compass::nn {
namespace {

class FilterGates : public OnEveryTarget {};
INSTANTIATE_TEST_SUITE_P(Targets, FilterGates, testing::ValuesIn(kernel_targets()), target_name);

// Pointers to the rows of `values`, `pitch` apart.
template <size_t count>
std::array<float*, count> rows_of(std::vector<float>& values, size_t pitch) {
  std::array<float*, count> rows;
  for (size_t i = 0; i < count; ++i) rows[i] = values.data() + i * pitch;
  return rows;
}

TEST_P(FilterGates, ProductsEqualTheirPlainTwin) {
  RandomFloats random(7);
  for (const size_t n : {1, 7, 16, 61}) {
    const size_t stride = n + 2 + kFilterPadding;
    const std::vector<float> luma = random(3 * stride);
    std::vector<float> a(kSlopeProducts * stride), b(a);
    const auto made = rows_of<kSlopeProducts>(a, stride), wanted = rows_of<kSlopeProducts>(b, stride);
    const float* const first = luma.data() + stride + 1;
    slope_products(first, static_cast<ptrdiff_t>(stride), made, n);
    plain::slope_products(first, static_cast<ptrdiff_t>(stride), wanted, n);
    for (size_t i = 0; i < kSlopeProducts; ++i) {
      for (size_t x = 0; x < n; ++x) ASSERT_EQ(made[i][x], wanted[i][x]) << n << " " << i << " " << x;
    }
  }
}

TEST_P(FilterGates, EqualTheirPlainTwin) {
  RandomFloats random(8);
  const GateLevels levels{.scale = 650.25F, .calm = 4.0F, .busy = 64.0F, .floor = 2.0F};
  for (const size_t n : {1, 7, 16, 61}) {
    const size_t stride = n + kGateWindow + kFilterPadding;
    std::vector<float> values = random(kSlopeProducts * kGateWindow * stride);
    // Squares in the first two; in a flat picture all are zero.
    for (size_t i = 0; i < 2 * kGateWindow * stride; ++i) values[i] *= values[i];
    for (const bool flat : {false, true}) {
      if (flat) std::fill(values.begin(), values.end(), 0.0F);
      std::array<const float*, kSlopeProducts> products;
      for (size_t i = 0; i < kSlopeProducts; ++i) products[i] = values.data() + i * kGateWindow * stride;
      std::vector<float> sums(kSlopeProducts * gate_sums(n));
      const size_t pitch = n + kFilterPadding;
      std::vector<float> a(kFilterGates * pitch), b(a);
      const auto made = rows_of<kFilterGates>(a, pitch), wanted = rows_of<kFilterGates>(b, pitch);
      filter_gates(products, stride, levels, sums.data(), made, n);
      plain::filter_gates(products, stride, levels, wanted, n);
      for (size_t g = 0; g < kFilterGates; ++g) {
        for (size_t x = 0; x < n; ++x) ASSERT_EQ(made[g][x], wanted[g][x]) << n << " " << g << " " << x;
      }
      if (flat) {
        EXPECT_EQ(made[0][0], 1.0F);  // calm, and nothing else
      }
    }
  }
}

}  // namespace
}  // namespace compass::nn
