// Multiply-adds of vectors as an Arithmetic asks for. Included by sources that Highway compiles once for each
// instruction set, inside each of them.
#if defined(COMPASS_NN_MULTIPLY_ADD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef COMPASS_NN_MULTIPLY_ADD_INL_H
#undef COMPASS_NN_MULTIPLY_ADD_INL_H
#else
#define COMPASS_NN_MULTIPLY_ADD_INL_H
#endif

#include <hwy/highway.h>

#include "nn/arithmetic.h"

HWY_BEFORE_NAMESPACE();
namespace compass::nn::HWY_NAMESPACE {

// a * b + c.
template <Arithmetic arithmetic, typename V>
HWY_INLINE V multiply_add(V a, V b, V c) {
  if constexpr (arithmetic == Arithmetic::kExact) {
    return hwy::HWY_NAMESPACE::Add(hwy::HWY_NAMESPACE::Mul(a, b), c);
  } else {
    return hwy::HWY_NAMESPACE::MulAdd(a, b, c);
  }
}

// c - a * b.
template <Arithmetic arithmetic, typename V>
HWY_INLINE V negative_multiply_add(V a, V b, V c) {
  if constexpr (arithmetic == Arithmetic::kExact) {
    return hwy::HWY_NAMESPACE::Sub(c, hwy::HWY_NAMESPACE::Mul(a, b));
  } else {
    return hwy::HWY_NAMESPACE::NegMulAdd(a, b, c);
  }
}

}  // namespace compass::nn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
