// Functions whose results are the same bits on every machine, other than the C library's.
#pragma once

#include <cmath>

namespace compass {

// e to the power x, |x| < 700, within 2 units in the last place. Products and sums of doubles in a fixed
// order, as docs/numerics.md lays down: 2^k times the polynomial of r = x - k ln 2.
inline double exact_exp(double x) {
  constexpr double kLog2E = 0x1.71547652b82fep+0;
  constexpr double kLn2High = 0x1.62e42fee00000p-1, kLn2Low = 0x1.a39ef35793c76p-33;  // Cody and Waite
  constexpr int kTerms = 13;
  const double k = std::floor(x * kLog2E + 0.5);
  const double r = (x - k * kLn2High) - k * kLn2Low;
  double sum = 1.0;
  for (int n = kTerms; n > 0; --n) sum = 1.0 + r / n * sum;
  return std::ldexp(sum, static_cast<int>(k));
}

}  // namespace compass
