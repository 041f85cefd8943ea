// The number format that networks compute in.
#pragma once

namespace compass {

// Only what may differ between machines depends on it: the integer networks and all tables never do.
enum class Precision {
  kAuto,  // bf16 where the CPU multiplies it faster than f32, else f32
  kF32,
  kBF16,  // bf16 products, f32 sums
};

}  // namespace compass
