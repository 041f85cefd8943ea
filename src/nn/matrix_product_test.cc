#include "nn/matrix_product.h"

#include <gtest/gtest.h>

#include <vector>

#include "nn/testing/random.h"
#include "nn/testing/target.h"

namespace compass::nn {
namespace {

class MatrixProduct : public OnEveryTarget {};
INSTANTIATE_TEST_SUITE_P(Targets, MatrixProduct, testing::ValuesIn(kernel_targets()), target_name);

TEST_P(MatrixProduct, EqualsItsPlainTwin) {
  RandomFloats random(1);
  for (const size_t depth : {16, 48, 128}) {
    for (const size_t columns : {16, 32, 80}) {
      for (size_t rows = 1; rows <= 33; ++rows) {
        const auto a = random(rows * depth), b = random(depth * columns);
        // What lies behind the result stays as it is.
        std::vector<float> have(rows * columns + 16, 7.0F), want(have);
        multiply_panels(a.data(), rows, depth, b.data(), columns, have.data());
        plain::multiply_panels(a.data(), rows, depth, b.data(), columns, want.data());
        for (size_t i = 0; i < have.size(); ++i) {
          ASSERT_NEAR(have[i], want[i], 2e-6F * static_cast<float>(depth))
              << rows << "x" << depth << "x" << columns;
        }
      }
    }
  }
}

// A row is the same to the last bit, however many others there are.
TEST_P(MatrixProduct, RowsDoNotMindTheirNeighbours) {
  constexpr size_t kRows = 32, kDepth = 48, kColumns = 32;
  RandomFloats random(2);
  const auto a = random(kRows * kDepth), b = random(kDepth * kColumns);
  std::vector<float> all(kRows * kColumns), one(kColumns);
  multiply_panels(a.data(), kRows, kDepth, b.data(), kColumns, all.data());
  for (size_t r = 0; r < kRows; ++r) {
    multiply_panels(a.data() + r * kDepth, 1, kDepth, b.data(), kColumns, one.data());
    for (size_t j = 0; j < kColumns; ++j) ASSERT_EQ(one[j], all[r * kColumns + j]) << r;
  }
}

}  // namespace
}  // namespace compass::nn
