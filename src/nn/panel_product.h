// Products of small matrices in f32, on one thread, which all convolutions in f32 are made of: those at the
// points of Winograd's algorithm, and those over the rows of a map (nn/float_conv.h). They take less than a
// microsecond each where channels are few, which is what a call into a library for large ones takes.
#pragma once

#include <cstddef>
#include <span>

#include "nn/arithmetic.h"

namespace compass::nn {

// Columns of a panel: matrices on the right are kept as [columns/16][depth][16].
inline constexpr size_t kPanelColumns = 16;

// Columns of the matrix on the left: of row r, the `length` floats at data + r * stride.
struct LeftRun {
  const float* data = nullptr;
  size_t length = 0;
  size_t stride = 0;
};
// The matrix: runs side by side. The depth of the product is the sum of their lengths.
using LeftRows = std::span<const LeftRun>;

// What becomes of a sum: plus bias [columns], negative values times `slope` (at most 1), plus the addend.
struct AfterSum {
  const float* bias = nullptr;  // null: nothing of all this
  float slope = 1.0F;
  const float* addend = nullptr;  // null, or [rows][columns], rows `addend_stride` floats apart
  size_t addend_stride = 0;
};

// The result, [rows][columns]: rows `stride` floats apart. It may be the addend.
struct ProductRows {
  float* data = nullptr;
  size_t stride = 0;
};

// c = a times b, [depth][columns] in panels; columns are a multiple of 16. Every element is a sum in the
// order of depth, starting at 0, whatever the number of rows.
//
// Short vectors, of 8, where there are longer ones: for exact arithmetic alone, and the same bits. On Zen 4,
// whose sums of 512 bits take two cycles, they take a sixth less time; on Emerald Rapids they take 1.3 times
// as long.
void multiply_panels(LeftRows a, size_t rows, const float* b, size_t columns, const AfterSum& after,
                     ProductRows c, Arithmetic arithmetic, bool short_vectors = adds_beside_products());

// The same for a left matrix that is dense, [rows][depth], to a result that is.
void multiply_panels(const float* a, size_t rows, size_t depth, const float* b, size_t columns, float* c,
                     Arithmetic arithmetic);

namespace plain {
void multiply_panels(LeftRows a, size_t rows, const float* b, size_t columns, const AfterSum& after,
                     ProductRows c);
}  // namespace plain

}  // namespace compass::nn
