#include "codec/symbol_costs.h"

#include "entropy/escape.h"

namespace compass {

SymbolCosts::SymbolCosts(const CdfTables& tables)
    : tables_(tables), bits_(static_cast<size_t>(tables.rows()) * kRow) {
  for (int r = 0; r < tables.rows(); ++r) {
    for (int symbol = -kReach; symbol <= kReach; ++symbol) {
      bits_[static_cast<size_t>(r) * kRow + symbol + kReach] = computed(r, symbol);
    }
  }
}

float SymbolCosts::computed(int row, int32_t symbol) const {
  return static_cast<float>(symbol_bits(tables_.row(row), symbol));
}

}  // namespace compass
