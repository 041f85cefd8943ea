// The terms gate * tap of which a loop filter's correction of one colour is a weighted sum, in a form that
// suits least squares; and how the symmetries of the square permute them.
#pragma once

#include <Eigen/Dense>
#include <array>
#include <vector>

#include "model_file/weights.h"

namespace compass::fit {

inline constexpr Eigen::Index kTerms = Eigen::Index{kFilterTaps} * kFilterGates;  // in the order [tap][gate]

// Least squares uses differences in place of taps: of each tap from the pixel itself, and of the pixel from
// mid-grey. They are small, so that sums of products lose few digits. This matrix [kTerms][kTerms] takes
// weights of differences to weights of taps.
Eigen::MatrixXd taps_of_differences();

// One of the eight symmetries of the square: rotations and reflections. A rotated or reflected picture is as
// good an example as the picture itself, so that filters are fitted to all eight.
class Symmetry {
 public:
  Symmetry(bool across, bool down, bool transposed);
  // Rows of weights, [kTerms][n], or of sums over terms, as they are for the transformed picture.
  Eigen::MatrixXd turned(const Eigen::MatrixXd& terms) const;
  // The inverse.
  Eigen::MatrixXd turned_back(const Eigen::MatrixXd& terms) const;

 private:
  std::array<int, kTerms> to_{};
  std::array<double, kTerms> sign_{};
};
std::vector<Symmetry> all_symmetries();

}  // namespace compass::fit
