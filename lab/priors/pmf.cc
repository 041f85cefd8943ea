#include "priors/pmf.h"

#include <cmath>
#include <numeric>

namespace compass {
namespace {

// Index of the smallest frequency above 1; the first of equals.
size_t cheapest_donor(const std::vector<uint32_t>& freq) {
  size_t best = freq.size();
  for (size_t i = 0; i < freq.size(); ++i) {
    if (freq[i] > 1 && (best == freq.size() || freq[i] < freq[best])) best = i;
  }
  return best;
}

}  // namespace

Result<std::vector<int32_t>> quantise_pmf(std::span<const float> pmf) {
  if (pmf.empty() || pmf.size() > kCdfTotal) {
    return Error{ErrorCode::kFailure, "a probability table needs 1 to 65536 slots"};
  }
  std::vector<uint32_t> weight;
  for (const float p : pmf) {
    // 2^15 is far above any probability; it keeps the sum of the weights within 64 bits.
    if (!std::isfinite(p) || p < 0 || p > 32768.0F) {
      return Error{ErrorCode::kFailure, "a probability is negative or not finite"};
    }
    weight.push_back(static_cast<uint32_t>(std::round(p * static_cast<float>(kCdfTotal))));
  }
  const uint64_t total = std::accumulate(weight.begin(), weight.end(), uint64_t{0});
  if (total == 0) return Error{ErrorCode::kFailure, "all probabilities are zero"};

  // Scaled down to a sum of at most 65536; what rounding down loses goes to the last slot.
  std::vector<uint32_t> freq;
  for (const uint32_t w : weight) freq.push_back(static_cast<uint32_t>(uint64_t{w} * kCdfTotal / total));
  freq.back() += kCdfTotal - std::accumulate(freq.begin(), freq.end(), 0U);
  for (size_t i = 0; i < freq.size(); ++i) {
    if (freq[i] > 0) continue;
    --freq[cheapest_donor(freq)];
    ++freq[i];
  }

  std::vector<int32_t> cdf{0};
  for (const uint32_t f : freq) cdf.push_back(cdf.back() + static_cast<int32_t>(f));
  return cdf;
}

Result<CdfTables> quantised_tables(std::span<const PmfRow> rows, CdfTables::Use use) {
  std::vector<int32_t> cdf;
  std::vector<int32_t> lengths;
  std::vector<int32_t> offsets;
  for (const PmfRow& row : rows) {
    const auto quantised = quantise_pmf(row.pmf);
    if (!quantised) return quantised.error();
    cdf.insert(cdf.end(), quantised->begin(), quantised->end());
    lengths.push_back(static_cast<int32_t>(quantised->size()));
    offsets.push_back(row.offset);
  }
  return CdfTables::from_ragged(cdf, lengths, offsets, use);
}

}  // namespace compass
