#include "nn/matrix_product.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace compass::nn {
namespace {

TEST(MatrixProduct, EqualsItsPlainTwin) {
  std::mt19937 generator(1);
  std::uniform_real_distribution<float> distribution(-1.0F, 1.0F);
  const auto random = [&](size_t count) {
    std::vector<float> values(count);
    for (float& v : values) v = distribution(generator);
    return values;
  };
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
TEST(MatrixProduct, RowsDoNotMindTheirNeighbours) {
  constexpr size_t kRows = 32, kDepth = 48, kColumns = 32;
  std::vector<float> a(kRows * kDepth), b(kDepth * kColumns), all(kRows * kColumns), one(kColumns);
  std::mt19937 generator(2);
  std::uniform_real_distribution<float> distribution(-1.0F, 1.0F);
  for (float& v : a) v = distribution(generator);
  for (float& v : b) v = distribution(generator);
  multiply_panels(a.data(), kRows, kDepth, b.data(), kColumns, all.data());
  for (size_t r = 0; r < kRows; ++r) {
    multiply_panels(a.data() + r * kDepth, 1, kDepth, b.data(), kColumns, one.data());
    for (size_t j = 0; j < kColumns; ++j) ASSERT_EQ(one[j], all[r * kColumns + j]) << r;
  }
}

}  // namespace
}  // namespace compass::nn
