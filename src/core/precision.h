// The number format that networks compute in.
#pragma once

namespace compass {

// It changes values that may differ between machines anyway. Integer networks and tables do not depend on it.
enum class Precision {
  kAuto,  // bf16 where the CPU multiplies it faster than f32, else f32
  kF32,
  kBF16,  // bf16 products, f32 sums
};

}  // namespace compass
