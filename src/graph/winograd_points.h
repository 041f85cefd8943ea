// Where Winograd's minimal filtering F(4x4, 3x3) (nn/winograd.h, train/winograd.h) evaluates polynomials.
//
// A polynomial of degree 5 is determined by its leading coefficient and its values at five points; here 0,
// +-3/4, +-3/2. With the paper's 0, +-1, +-2 rounding errors are twice as large in root mean square, the
// largest three times.
#pragma once

namespace compass::nn {

inline constexpr int kWinogradBlock = 4;                    // outputs a side
inline constexpr int kWinogradInputs = kWinogradBlock + 2;  // inputs a side of those outputs' footprint
inline constexpr int kWinogradPoints = kWinogradInputs * kWinogradInputs;
inline constexpr float kWinogradNear = 0.75F, kWinogradFar = 1.5F;

}  // namespace compass::nn
