#include "nn/panel_product.h"

#include <algorithm>

// Highway compiles everything below once per instruction set; the last part of the file, once, picks among
// them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/panel_product.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "nn/multiply_add-inl.h"

HWY_BEFORE_NAMESPACE();
namespace compass::nn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The vectors of a product, and how many sums of them are made at a time. These must stay in registers, and
// be enough for multiply-adds not to wait for each other: 6 rows of 2 vectors in AVX2's 16 registers, 8 rows
// of 2 or 3 in AVX-512's 32, 3 rows of 4 in SSE's 16, 6 rows of 4 in ARM's 32. WebAssembly's
// compilers keep in registers what is loaded, too: 2 rows of 4. Where AVX-512 has one vector a row, there are
// 16 rows: with 8 it would load as often as it multiplies.
template <size_t lanes>
struct Blocking {
  using Tag = hn::CappedTag<float, lanes>;
  using V = hn::Vec<Tag>;
  static constexpr size_t kLanes = hn::MaxLanes(Tag());
  static constexpr size_t kVectors = kPanelColumns / kLanes;    // of a panel's row
  static constexpr size_t kMostPanels = kVectors == 1 ? 2 : 1;  // or 3, where one would be left over
  static constexpr size_t kMostRows = kLanes == 16                      ? 8
                                      : kLanes == 8 || HWY_ARCH_ARM_A64 ? 6
                                      : HWY_ARCH_WASM                   ? 2
                                                                        : 3;
  static constexpr size_t rows_of(size_t panels) {
    return panels * kVectors == 1 ? 2 * kMostRows : kMostRows;
  }
};

// Rows that have a pointer of their own in a block's loop: with one for all 16 there would be more offsets
// than registers.
constexpr size_t kRowsOfPointer = 8;

// A sum with what comes behind it.
template <typename Tag, typename V>
HWY_INLINE V finished(Tag f, V sum, const AfterSum& after, size_t row, size_t column) {
  if (after.bias == nullptr) return sum;
  V value = hn::Add(sum, hn::LoadU(f, after.bias + column));
  value = hn::Max(value, hn::Mul(value, hn::Set(f, after.slope)));
  if (after.addend == nullptr) return value;
  return hn::Add(value, hn::LoadU(f, after.addend + row * after.addend_stride + column));
}

// What the blocks of one product share.
struct Product {
  LeftRows a;
  size_t depth;
  const float* b;
  AfterSum after;
  ProductRows c;
};

// Rows [row, row + rows) of the panels from `column` on. Loops over sums are unrolled wholly: one that is not
// keeps the sums in memory.
template <Arithmetic arithmetic, size_t lanes, size_t rows, size_t panels>
HWY_INLINE void block(const Product& p, size_t row, size_t column) {
  using B = Blocking<lanes>;
  using V = typename B::V;
  const typename B::Tag f;
  constexpr size_t kVectors = B::kVectors, kSums = panels * kVectors;
  V sum[rows][kSums];
  HWY_UNROLL(16)
  for (size_t r = 0; r < rows; ++r) {
    HWY_UNROLL(8)
    for (size_t v = 0; v < kSums; ++v) sum[r][v] = hn::Zero(f);
  }
  const float* HWY_RESTRICT b = p.b + column * p.depth;
  const size_t panel = p.depth * kPanelColumns;
  for (const LeftRun& run : p.a) {
    const size_t stride = run.stride;
    const float* HWY_RESTRICT a = run.data + row * stride;
    const float* HWY_RESTRICT a_more = a + (rows > kRowsOfPointer ? kRowsOfPointer * stride : 0);
    for (const float* const end = a + run.length; a != end; ++a, ++a_more, b += kPanelColumns) {
      V right[kSums];
      HWY_UNROLL(8)
      for (size_t v = 0; v < kSums; ++v) {
        right[v] = hn::LoadU(f, b + v / kVectors * panel + v % kVectors * hn::Lanes(f));
      }
      HWY_UNROLL(16)
      for (size_t r = 0; r < rows; ++r) {
        const V left = hn::Set(f, r < kRowsOfPointer ? a[r * stride] : a_more[(r - kRowsOfPointer) * stride]);
        HWY_UNROLL(8)
        for (size_t v = 0; v < kSums; ++v) sum[r][v] = multiply_add<arithmetic>(left, right[v], sum[r][v]);
      }
    }
  }
  HWY_UNROLL(16)
  for (size_t r = 0; r < rows; ++r) {
    HWY_UNROLL(8)
    for (size_t v = 0; v < kSums; ++v) {
      const size_t at = column + v * hn::Lanes(f);
      hn::StoreU(finished(f, sum[r][v], p.after, row + r, at), f, p.c.data + (row + r) * p.c.stride + at);
    }
  }
}

// The same for `wanted` rows, at most `rows`.
template <Arithmetic arithmetic, size_t lanes, size_t rows, size_t panels>
HWY_NOINLINE void rows_at_once(size_t wanted, const Product& p, size_t row, size_t column) {
  if (wanted == rows) {
    block<arithmetic, lanes, rows, panels>(p, row, column);
  } else if constexpr (rows > 1) {
    rows_at_once<arithmetic, lanes, rows - 1, panels>(wanted, p, row, column);
  }
}

// The last rows are shared out evenly: with only a few rows at a time, each multiply-add would wait for the
// one before.
template <Arithmetic arithmetic, size_t lanes, size_t panels>
HWY_NOINLINE void some_rows(const Product& product, size_t first, size_t end, size_t column) {
  constexpr size_t kMostRows = Blocking<lanes>::rows_of(panels);
  const Product p = product;
  size_t r = first;
  for (; end - r >= 2 * kMostRows || end - r == kMostRows; r += kMostRows) {
    block<arithmetic, lanes, kMostRows, panels>(p, r, column);
  }
  if (end - r > kMostRows) {
    const size_t half = (end - r + 1) / 2;
    rows_at_once<arithmetic, lanes, kMostRows, panels>(half, p, r, column);
    r += half;
  }
  if (end > r) rows_at_once<arithmetic, lanes, kMostRows, panels>(end - r, p, r, column);
}

// Rows are taken together as far as they stay in the first-level cache while all panels pass by.
template <Arithmetic arithmetic, size_t lanes>
void all_panels(const Product& p, size_t rows, size_t columns) {
  constexpr size_t kMostRows = Blocking<lanes>::kMostRows, kMostPanels = Blocking<lanes>::kMostPanels;
  constexpr size_t kLeftBytes = size_t{20} << 10;
  const size_t fit = kLeftBytes / (p.depth * sizeof(float)) / kMostRows * kMostRows;
  const size_t together = std::max(fit, 2 * kMostRows);
  for (size_t r = 0; r < rows;) {
    const size_t end = rows - r < together + kMostRows ? rows : r + together;
    size_t column = 0;
    for (size_t left = columns / kPanelColumns; left > 0;) {
      size_t panels = std::min(left, kMostPanels);
      if constexpr (kMostPanels > 1) {
        if (left == kMostPanels + 1) panels = left;
        if (panels > kMostPanels) some_rows<arithmetic, lanes, kMostPanels + 1>(p, r, end, column);
        if (panels == kMostPanels) some_rows<arithmetic, lanes, kMostPanels>(p, r, end, column);
      }
      if (panels == 1) some_rows<arithmetic, lanes, 1>(p, r, end, column);
      column += panels * kPanelColumns;
      left -= panels;
    }
    r = end;
  }
}

void MultiplyPanels(LeftRows a, size_t rows, const float* b, size_t columns, const AfterSum& after,
                    ProductRows c, Arithmetic arithmetic, [[maybe_unused]] bool short_vectors) {
  Product product{a, 0, b, after, c};
  for (const LeftRun& run : a) product.depth += run.length;
  constexpr size_t kLongest = hn::MaxLanes(hn::CappedTag<float, kPanelColumns>());
  if (arithmetic == Arithmetic::kFast) return all_panels<Arithmetic::kFast, kLongest>(product, rows, columns);
  if constexpr (kLongest > 8) {
    if (short_vectors) return all_panels<Arithmetic::kExact, 8>(product, rows, columns);
  }
  all_panels<Arithmetic::kExact, kLongest>(product, rows, columns);
}

}  // namespace compass::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace compass::nn {

HWY_EXPORT(MultiplyPanels);

void multiply_panels(LeftRows a, size_t rows, const float* b, size_t columns, const AfterSum& after,
                     ProductRows c, Arithmetic arithmetic, bool short_vectors) {
  HWY_DYNAMIC_DISPATCH(MultiplyPanels)(a, rows, b, columns, after, c, arithmetic, short_vectors);
}

void multiply_panels(const float* a, size_t rows, size_t depth, const float* b, size_t columns, float* c,
                     Arithmetic arithmetic) {
  const LeftRun run{a, depth, depth};
  multiply_panels({&run, 1}, rows, b, columns, {}, {c, columns}, arithmetic);
}

namespace plain {

void multiply_panels(LeftRows a, size_t rows, const float* b, size_t columns, const AfterSum& after,
                     ProductRows c) {
  size_t depth = 0;
  for (const LeftRun& run : a) depth += run.length;
  for (size_t r = 0; r < rows; ++r) {
    for (size_t j = 0; j < columns; ++j) {
      const float* right = b + j / kPanelColumns * depth * kPanelColumns + j % kPanelColumns;
      float sum = 0.0F;
      for (const LeftRun& run : a) {
        for (size_t k = 0; k < run.length; ++k, right += kPanelColumns) {
          sum += run.data[r * run.stride + k] * *right;
        }
      }
      if (after.bias != nullptr) {
        sum += after.bias[j];
        sum = std::max(sum, sum * after.slope);
        if (after.addend != nullptr) sum += after.addend[r * after.addend_stride + j];
      }
      c.data[r * c.stride + j] = sum;
    }
  }
}

}  // namespace plain
}  // namespace compass::nn
#endif  // HWY_ONCE
