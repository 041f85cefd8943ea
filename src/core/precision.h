// The number format that networks compute in.
#pragma once

namespace compass {

// It changes values that may differ between machines anyway. Integer networks and tables do not depend on it.
enum class Precision {
  kAuto,   // the fastest of the others
  kF32,    // f32, rounded as the CPU likes
  kBF16,   // bf16 products, f32 sums
  kExact,  // f32 in a fixed order: the same bits on every machine
};

}  // namespace compass
