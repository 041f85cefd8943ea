// From probabilities to integer frequencies. Runs when a model is exported or imported, never when decoding.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"
#include "entropy/cdf_tables.h"

namespace compass {

// The cumulative frequencies (n + 1 entries, 0 to 65536, strictly rising) of n slots with the given
// probabilities, which need not sum to 1. Each slot gets at least 1: those that would get none take it from
// the slots with the smallest frequencies above 1. The rule, to the unit, is CompressAI's, so that imported
// models get the tables they were made with. Errors: kFailure if a probability is negative or not finite, if
// all are zero, or if there are none or more than 65536.
Result<std::vector<int32_t>> quantise_pmf(std::span<const float> pmf);

// A table's row before quantisation: probabilities of the symbols offset, offset + 1, ..., then the escape's.
struct PmfRow {
  int32_t offset = 0;
  std::vector<float> pmf;
};

// Tables of these rows. Errors: as quantise_pmf.
Result<CdfTables> quantised_tables(std::span<const PmfRow> rows,
                                   CdfTables::Use use = CdfTables::Use::kSymbols);

}  // namespace compass
