// A machine's speed limit: multiply-adds per second with all operands in registers.
#pragma once

#include "core/thread_pool.h"
#include "nn/element.h"

namespace compass::nn {

// GFLOP/s (a multiply-add counts two) of the calling thread's core, measured for about `seconds`: f32 with
// the CPU's widest fused multiply-add; bf16 with its matrix or dot-product instruction, 0 if it has neither.
double measured_peak_gflops(Element format, double seconds = 0.05);

// The same for all the pool's threads at once. Where threads share cores it is less than their number times
// one thread's.
double measured_peak_gflops(Element format, ThreadPool& pool, double seconds = 0.1);

}  // namespace compass::nn
