#include "nn/matrix_product.h"

// Highway compiles everything below once per instruction set; the last part of the file, once, picks among
// them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/matrix_product.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace compass::nn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, kPanelColumns>;
using V = hn::Vec<Floats>;

constexpr size_t kLanes = hn::MaxLanes(Floats());
constexpr size_t kVectors = kPanelColumns / kLanes;  // of a panel's row
// Sums must stay in registers, and be enough for multiply-adds not to wait for each other: 6 rows of 2
// vectors in AVX2's 16 registers, 8 rows of 2 in AVX-512's 32, 2 rows of 4 in SSE's 16.
constexpr size_t kMostPanels = kVectors == 1 ? 2 : 1;
constexpr size_t kMostRows = kLanes == 16 ? 8 : kLanes == 8 ? 6 : 2;

// Some rows of some panels.
template <size_t rows, size_t panels>
HWY_INLINE void block(const float* HWY_RESTRICT a, size_t depth, const float* HWY_RESTRICT b, size_t columns,
                      float* HWY_RESTRICT c) {
  const Floats f;
  V sum[rows][panels * kVectors];
  for (auto& row : sum) {
    for (V& v : row) v = hn::Zero(f);
  }
  for (size_t k = 0; k < depth; ++k) {
    V right[panels * kVectors];
    for (size_t v = 0; v < panels * kVectors; ++v) {
      right[v] = hn::LoadU(f, b + (v / kVectors * depth + k) * kPanelColumns + v % kVectors * hn::Lanes(f));
    }
    for (size_t r = 0; r < rows; ++r) {
      const V left = hn::Set(f, a[r * depth + k]);
      for (size_t v = 0; v < panels * kVectors; ++v) sum[r][v] = hn::MulAdd(left, right[v], sum[r][v]);
    }
  }
  for (size_t r = 0; r < rows; ++r) {
    for (size_t v = 0; v < panels * kVectors; ++v) {
      hn::StoreU(sum[r][v], f, c + r * columns + v * hn::Lanes(f));
    }
  }
}

// The same for `wanted` rows, at most `rows`.
template <size_t rows, size_t panels>
void rows_at_once(size_t wanted, const float* a, size_t depth, const float* b, size_t columns, float* c) {
  if (wanted == rows) {
    block<rows, panels>(a, depth, b, columns, c);
  } else if constexpr (rows > 1) {
    rows_at_once<rows - 1, panels>(wanted, a, depth, b, columns, c);
  }
}

template <size_t panels>
void all_rows(const float* a, size_t rows, size_t depth, const float* b, size_t columns, float* c) {
  for (size_t r = 0; r < rows;) {
    // The last rows are shared out evenly: with only a few rows at a time, each multiply-add would wait for
    // the one before.
    const size_t left = rows - r;
    const size_t next = left >= 2 * kMostRows ? kMostRows : left > kMostRows ? (left + 1) / 2 : left;
    rows_at_once<kMostRows, panels>(next, a + r * depth, depth, b, columns, c + r * columns);
    r += next;
  }
}

void MultiplyPanels(const float* a, size_t rows, size_t depth, const float* b, size_t columns, float* c) {
  size_t column = 0;
  for (; column + kMostPanels * kPanelColumns <= columns; column += kMostPanels * kPanelColumns) {
    all_rows<kMostPanels>(a, rows, depth, b + column * depth, columns, c + column);
  }
  if (column < columns) all_rows<1>(a, rows, depth, b + column * depth, columns, c + column);
}

}  // namespace compass::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace compass::nn {

HWY_EXPORT(MultiplyPanels);

void multiply_panels(const float* a, size_t rows, size_t depth, const float* b, size_t columns, float* c) {
  HWY_DYNAMIC_DISPATCH(MultiplyPanels)(a, rows, depth, b, columns, c);
}

namespace plain {

void multiply_panels(const float* a, size_t rows, size_t depth, const float* b, size_t columns, float* c) {
  for (size_t r = 0; r < rows; ++r) {
    for (size_t j = 0; j < columns; ++j) {
      const float* column = b + j / kPanelColumns * depth * kPanelColumns + j % kPanelColumns;
      float sum = 0.0F;
      for (size_t k = 0; k < depth; ++k) sum += a[r * depth + k] * column[k * kPanelColumns];
      c[r * columns + j] = sum;
    }
  }
}

}  // namespace plain
}  // namespace compass::nn
#endif  // HWY_ONCE
