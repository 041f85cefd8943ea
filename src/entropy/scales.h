// The 64 scales of y's symbols: the hyper-synthesis gives each symbol the index of one, which says with which
// row of the model file's tables it is coded.
#pragma once

#include <array>
#include <cmath>

namespace compass {

inline constexpr int kScales = 64;
inline constexpr double kScaleMin = 0.11;
inline constexpr double kScaleMax = 256.0;
inline constexpr float kSmallestScale = static_cast<float>(kScaleMin);

// The table's formula: the logarithm of the scale at a real index i is kLogScaleMin + i * kLogScaleStep.
inline const double kLogScaleMin = std::log(kScaleMin);
inline const double kLogScaleStep = (std::log(kScaleMax) - std::log(kScaleMin)) / (kScales - 1);

// exp(linspace(ln 0.11, ln 256, 64)) as the reference's float32 arithmetic has it. Constants, because doubles
// rounded to float differ in most entries.
extern const std::array<float, kScales> kScaleTable;

// The smallest i with max(scale, 0.11) <= kScaleTable[i]; 63 if there is none (NaN included).
int scale_index(float scale);

}  // namespace compass
