// An encoder's choice of the loop filter's coefficients, region by region: pixels of a layer are added as
// they are reconstructed, then solved for.
//
// Not all pixels: neighbours say the same. Of a large layer only one in so many is sampled, in short
// stretches of every fourth row, which lie as far from each other as they can.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "codec/loop_filter.h"

namespace compass {

class FilterFit {
 public:
  // A quick fit samples few pixels and has no coefficients for a region but the best ones of the whole layer.
  enum class Care { kQuick, kThorough };

  // `filter` must outlive the object; `bits_per_error` is what a squared error of 1 in a sample of 0..1 is
  // worth.
  FilterFit(const FilterWeights& filter, double bits_per_error, Size layer, Care care);

  // Whether pixels of row y are sampled.
  bool samples_row(int y) const { return y % rows_apart_ == rows_apart_ / 2; }

  // Sums over pixels of one region.
  struct Sums {
    size_t region = 0;
    std::vector<double> products;  // [directions+1][directions+1]: of corrections, the last one the error
    void add(const Sums& more) {
      for (size_t i = 0; i < products.size(); ++i) products[i] += more.products[i];
    }
  };
  // Multiply-adds that `part` of the layer takes.
  double macs(Rect part) const {
    return static_cast<double>(kFilterWeights) * (filter_.directions + 1) *
           static_cast<double>(part.size().pixels()) / (rows_apart_ * stretches_apart_);
  }
  // Adds the sampled pixels of the row that `band` has selected to `sums`; `error` is what the filter should
  // add.
  void sum(const FilterBand& band, const std::array<const float*, 3>& error, std::vector<Sums>& sums) const;
  // In a fixed order: sums of floats depend on it.
  void add(std::span<const Sums> sums);

  // The coefficients that cost least, bits of theirs plus error: [regions][directions].
  std::vector<int32_t> coefficients() const;

 private:
  using Coefficients = std::vector<int32_t>;  // of one region
  double cost(const Sums& sums, const Coefficients& coefficients) const;
  Coefficients best_coefficients(const Sums& sums) const;
  double descend(const Sums& sums, Coefficients& coefficients) const;

  const FilterWeights& filter_;
  double bits_per_error_;  // of a sampled pixel, for itself and those that are not sampled
  FilterRegions regions_;
  Care care_;
  int rows_apart_ = 1;
  int stretches_apart_ = 1;
  std::vector<Sums> sums_;  // of each region
};

}  // namespace compass
