// The speed limit: multiply-adds per second that one core can do with its operands in registers.
#pragma once

#include "nn/element.h"

namespace compass::nn {

// GFLOP/s (a multiply-add counts two) of the calling thread's core, measured for about `seconds`: f32 with
// the CPU's widest fused multiply-add; bf16 with its matrix or dot-product instruction, 0 if it has neither.
double measured_peak_gflops(Element format, double seconds = 0.05);

}  // namespace compass::nn
