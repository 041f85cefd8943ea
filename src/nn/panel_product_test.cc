#include "nn/panel_product.h"

#include <gtest/gtest.h>

#include <vector>

#include "nn/testing/random.h"
#include "nn/testing/target.h"

namespace compass::nn {
namespace {

class PanelProduct : public OnEveryTarget {};
INSTANTIATE_TEST_SUITE_P(Targets, PanelProduct, testing::ValuesIn(kernel_targets()), target_name);

// A left matrix of two runs of odd rows, bias, slope and addend, in both arithmetics.
struct Example {
  size_t rows, depth, columns;
  std::vector<float> a, a2, b, bias, addend;
  std::vector<LeftRun> left;

  Example(RandomFloats& random, size_t r, size_t d, size_t c) : rows(r), depth(d), columns(c) {
    a = random(rows * (depth + 3));
    a2 = random(rows * depth);
    b = random((depth + depth / 2) * columns);
    bias = random(columns);
    addend = random(rows * (columns + 1));
    left = {{a.data(), depth, depth + 3}, {a2.data(), depth / 2, depth}};
  }
  AfterSum after(bool finish) const {
    return finish ? AfterSum{bias.data(), 0.01F, addend.data(), columns + 1} : AfterSum{};
  }
};

// What lies between the rows of the result, and behind them, stays as it is.
TEST_P(PanelProduct, EqualsItsPlainTwin) {
  RandomFloats random(1);
  for (const size_t depth : {16, 48, 128}) {
    for (const size_t columns : {16, 32, 80}) {
      for (size_t rows = 1; rows <= 33; ++rows) {
        const Example e(random, rows, depth, columns);
        const size_t stride = columns + 5;
        for (const bool finish : {false, true}) {
          std::vector<float> fast(rows * stride + 16, 7.0F), exact(fast), shorter(fast), want(fast);
          const auto multiply = [&](std::vector<float>& c, Arithmetic arithmetic, bool short_vectors) {
            multiply_panels(e.left, rows, e.b.data(), columns, e.after(finish), {c.data(), stride},
                            arithmetic, short_vectors);
          };
          multiply(fast, Arithmetic::kFast, false);
          multiply(exact, Arithmetic::kExact, false);
          multiply(shorter, Arithmetic::kExact, true);
          plain::multiply_panels(e.left, rows, e.b.data(), columns, e.after(finish), {want.data(), stride});
          ASSERT_EQ(exact, want) << rows << "x" << depth << "x" << columns;
          ASSERT_EQ(shorter, want) << rows << "x" << depth << "x" << columns;
          for (size_t i = 0; i < want.size(); ++i) {
            ASSERT_NEAR(fast[i], want[i], 2e-6F * static_cast<float>(depth));
          }
        }
      }
    }
  }
}

// A row is the same to the last bit, however many others there are.
TEST_P(PanelProduct, RowsDoNotMindTheirNeighbours) {
  constexpr size_t kRows = 32, kDepth = 48, kColumns = 32;
  RandomFloats random(2);
  const auto a = random(kRows * kDepth), b = random(kDepth * kColumns);
  for (const Arithmetic arithmetic : {Arithmetic::kFast, Arithmetic::kExact}) {
    std::vector<float> all(kRows * kColumns), one(kColumns);
    multiply_panels(a.data(), kRows, kDepth, b.data(), kColumns, all.data(), arithmetic);
    for (size_t r = 0; r < kRows; ++r) {
      multiply_panels(a.data() + r * kDepth, 1, kDepth, b.data(), kColumns, one.data(), arithmetic);
      for (size_t j = 0; j < kColumns; ++j) ASSERT_EQ(one[j], all[r * kColumns + j]) << r;
    }
  }
}

}  // namespace
}  // namespace compass::nn
