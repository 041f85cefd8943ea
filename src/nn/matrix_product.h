// Products of small matrices in f32, on one thread: those at the points of Winograd's convolution. They take
// less than a microsecond each where channels are few, which is what a call into a library for large ones
// takes.
#pragma once

#include <cstddef>

namespace compass::nn {

// Columns of a panel: matrices on the right are kept as [columns/16][depth][16].
inline constexpr size_t kPanelColumns = 16;

// c [rows][columns] = a [rows][depth] times b; columns are a multiple of 16. Every element is a sum in the
// order of depth, whatever the number of rows.
void multiply_panels(const float* a, size_t rows, size_t depth, const float* b, size_t columns, float* c);

namespace plain {
void multiply_panels(const float* a, size_t rows, size_t depth, const float* b, size_t columns, float* c);
}  // namespace plain

}  // namespace compass::nn
