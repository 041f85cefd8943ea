// Which symbols of y to change by one, so that a layer costs less: bits plus lambda times its squared error.
//
// Rounding y minds the error of y alone. The picture's error depends on all elements of y together, and bits
// on what the tables expect. With the gradient g of the picture's error with respect to y_hat and its
// curvature c along each channel, both in bits, moving symbol q by d = -1 or +1 changes the cost by about
//
//   d g + c + bits(q + d) - bits(q).
//
// Each round moves symbols for which that is negative. Not all of them, because they also act on each other:
// a random part, and in the first rounds only those that gain most.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "codec/symbol_costs.h"
#include "core/size.h"
#include "core/tensor.h"
#include "core/thread_pool.h"
#include "entropy/cdf_tables.h"

namespace compass {

// For one layer.
class SymbolSearch {
 public:
  // `tables` are y's; `rounds` >= 1.
  SymbolSearch(const CdfTables& tables, int rounds) : costs_(tables), rounds_(rounds) {}

  int rounds() const { return rounds_; }

  // A small displacement of the latents of rectangle `part`, +-kProbe, and what the curvatures are by the
  // change that it makes to their gradient: `before` [M,h,w] is that of rectangle `tile`, of which `part` is
  // a part, `after` that of `part`.
  static constexpr float kProbe = 0.3F;
  static float probe(int channel, int y, int x);
  // `weight`: the mean of how much errors count in that part, which is divided out.
  void measure(const Tensor& before, Rect tile, const Tensor& after, Rect part, float weight = 1.0F);
  bool measured() const { return !curvature_.empty(); }
  // Half the second derivative, in bits, by channel, where errors count 1.
  std::span<const float> curvature() const { return curvature_; }

  // The symbols of one row of latents of a layer, channels fastest, and what they make.
  struct Row {
    std::span<int32_t> symbols;
    std::span<const uint8_t> indexes;
    std::span<const float> means;
    std::span<float> y_hat;
  };
  // Round `round` of a row of latents from (y, x) on, `gradient` being that of its elements. `weights`: how
  // much errors count at each position, against where curvatures were measured; empty: 1.
  void move(int round, int y, int x, std::span<const float> gradient, std::span<const float> weights,
            const Row& row) const;

 private:
  SymbolCosts costs_;
  int rounds_;
  std::vector<float> curvature_;
};

}  // namespace compass
