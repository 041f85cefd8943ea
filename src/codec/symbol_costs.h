// Bits that y's symbols take, by row of the tables.
#pragma once

#include <cstdlib>
#include <vector>

#include "entropy/cdf_tables.h"

namespace compass {

// Looked up for symbols of magnitude up to kReach. `tables` must outlive the object.
class SymbolCosts {
 public:
  static constexpr int kReach = 64;
  explicit SymbolCosts(const CdfTables& tables);
  // The costs of -kReach .. kReach; entry kReach is the zero's.
  const float* row(int row) const { return bits_.data() + static_cast<size_t>(row) * kRow; }
  // Of any symbol.
  float of(int row, int32_t symbol) const {
    return std::abs(symbol) <= kReach ? this->row(row)[kReach + symbol] : computed(row, symbol);
  }

 private:
  static constexpr int kRow = 2 * kReach + 1;
  float computed(int row, int32_t symbol) const;

  const CdfTables& tables_;
  std::vector<float> bits_;
};

}  // namespace compass
