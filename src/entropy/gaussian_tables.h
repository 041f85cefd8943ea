// The Gaussian conditional's tables: 64 zero-mean Gaussians of rising scale, each integrated over unit
// intervals around the integers (Balle et al. 2018, Minnen et al. 2018). y's symbols are coded with the one
// whose index the hyper-synthesis gives. Tables are made when a model is exported (from these and from what
// symbols really were, symbol_counts.h); decoders read them from the model file.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "entropy/cdf_tables.h"
#include "entropy/pmf.h"

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

// Row i before quantisation. It covers the integers within 6.109 scales of 0, which is all but 1e-9 of the
// mass.
PmfRow gaussian_row(int index);

// The 64 rows, ready for the coder. Equal to the reference's tables to the unit: float32 arithmetic, with the
// error function taken in double and rounded.
CdfTables gaussian_tables();

// Probability of `symbol` under scale index i before quantisation to 16 bits: Phi((s+.5)/sigma) -
// Phi((s-.5)/sigma). For estimates and tests.
double gaussian_likelihood(int32_t symbol, int index);

}  // namespace compass
