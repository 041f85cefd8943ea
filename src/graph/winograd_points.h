// Where Winograd's minimal filtering F(4x4, 3x3) (nn/winograd.h, train/winograd.h) evaluates polynomials.
//
// Polynomials of degree 5 are told by their values at five places and their last coefficient: 0, +-3/4,
// +-3/2. With the paper's 0, +-1, +-2 rounding errors are twice as large (root mean square; the largest three
// times).
#pragma once

namespace compass::nn {

inline constexpr int kWinogradBlock = 4;                   // outputs a side
inline constexpr int kWinogradPatch = kWinogradBlock + 2;  // pixels a side of what makes them
inline constexpr int kWinogradPoints = kWinogradPatch * kWinogradPatch;
inline constexpr float kWinogradNear = 0.75F, kWinogradFar = 1.5F;

}  // namespace compass::nn
