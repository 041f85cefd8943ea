// LIIF's four answers for a pixel and how they blend (Chen et al., CVPR 2021, section 3). The source pixels
// are the nearest ones half a source pixel before and after the target, in both axes. Each one's answer
// counts as much as the area of the rectangle between the target and the source pixel diagonally opposite.
#pragma once

#include <array>
#include <cmath>

#include "model_file/liff_grid.h"

namespace compass {

inline constexpr int kLiifCorners = 4;

// Along one axis: the source pixels before and after each target pixel.
struct LiifAxis {
  const GridAxis& before;
  const GridAxis& after;
  const GridAxis& at(int corner) const { return corner == 0 ? before : after; }
};

// What the answers of target pixel (i, j) of a grid count; corner 2a + b is before (0) or after (1) it
// vertically for a, horizontally for b. They sum to 1.
inline std::array<float, kLiifCorners> liif_weights(const LiifAxis& rows, const LiifAxis& cols, int i,
                                                    int j) {
  constexpr float kNoArea = 1e-9F;  // LIIF's, so that areas of 0 are not divided by
  std::array<float, kLiifCorners> weights;
  float sum = 0.0F;
  for (int corner = 0; corner < kLiifCorners; ++corner) {
    const int opposite = kLiifCorners - 1 - corner;
    const float area = rows.at(opposite / 2).relative[i] * cols.at(opposite % 2).relative[j];
    weights[corner] = std::abs(area) + kNoArea;
    sum += weights[corner];
  }
  for (float& weight : weights) weight /= sum;
  return weights;
}

}  // namespace compass
