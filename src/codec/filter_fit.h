// An encoder's choice of the loop filter's coefficients, region by region, by least squares: pixels of a
// layer are added as they are reconstructed, and at the end coefficients are solved for.
//
// Neighbouring pixels are alike, so that a part of them will do. Of a large layer only one pixel in so many
// is sampled, in short stretches of every fourth row, as far from each other as possible.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "codec/loop_filter.h"
#include "codec/visual_weights.h"

namespace compass {

class FilterFit {
 public:
  // A quick fit samples fewer pixels, and gives all regions the best coefficients of the whole layer.
  enum class Care { kQuick, kThorough };

  // `filter` must outlive the object; `bits_per_error` is what a squared error of 1 in a sample of 0..1 is
  // worth. So must `weights`, how much errors count where; null: the same everywhere.
  FilterFit(const FilterWeights& filter, double bits_per_error, Size layer, Care care,
            const VisualWeights* weights = nullptr);

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
  // Multiply-adds of sum() for the pixels `part` of the layer.
  double macs(Rect part) const {
    return static_cast<double>(kFilterWeights) * (filter_.directions + 1) *
           static_cast<double>(part.size().pixels()) / (rows_apart_ * stretches_apart_);
  }
  // Adds the sampled pixels of the row that `band` has selected to `sums`. `error` is that row of the
  // original less the unfiltered reconstruction, three colours.
  void sum(const FilterBand& band, const std::array<const float*, 3>& error, std::vector<Sums>& sums) const;
  // Adds to the layer's sums. Calls must come in a fixed order: the rounding of sums depends on it.
  void add(std::span<const Sums> sums);

  // The coefficients with the lowest cost, their bits plus the weighted error: [regions][directions].
  std::vector<int32_t> coefficients() const;

 private:
  void weigh(int y, int x, int count, int sets, std::vector<float>& rows) const;
  using Coefficients = std::vector<int32_t>;  // of one region
  double cost(const Sums& sums, const Coefficients& coefficients) const;
  Coefficients best_coefficients(const Sums& sums) const;
  double descend(const Sums& sums, Coefficients& coefficients) const;

  const FilterWeights& filter_;
  double bits_per_error_;  // of a sampled pixel, for itself and those that are not sampled
  FilterRegions regions_;
  const VisualWeights* weights_;
  std::vector<std::vector<size_t>>
      blocks_;  // the regions in the order in which a file has their coefficients
  Care care_;
  int rows_apart_ = 1;
  int stretches_apart_ = 1;
  std::vector<Sums> sums_;  // of each region
};

}  // namespace compass
