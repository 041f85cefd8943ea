// The Gaussian conditional's tables: 64 zero-mean Gaussians of rising scale, each integrated over unit
// intervals around the integers (Balle et al. 2018, Minnen et al. 2018). y's symbols are coded with the one
// whose index the hyper-synthesis gives. Tables are made when a model is exported (from these and from what
// symbols really were, symbol_counts.h); decoders read them from the model file.
#pragma once

#include <cstdint>

#include "entropy/cdf_tables.h"
#include "entropy/scales.h"
#include "priors/pmf.h"

namespace compass {

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
