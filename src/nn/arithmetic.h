// How f32 arithmetic rounds.
#pragma once

namespace compass::nn {

enum class Arithmetic {
  kFast,   // a product and a sum round once where the processor can (fused multiply-add), else twice
  kExact,  // every product and every sum rounds, in an order that the specification lays down
           // (docs/numerics.md): the same bits on every processor
};

// Whether the processor has units for sums beside those for products, as AMD's have: then products and sums
// that round each on their own cost hardly more than fused ones (on Zen 4 a picture of 768x512 takes 7 to 9 %
// longer).
inline bool adds_beside_products() {
#if defined(__x86_64__)
  return __builtin_cpu_is("amd") != 0;
#else
  return false;
#endif
}

}  // namespace compass::nn
