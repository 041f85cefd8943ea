// The terms that a loop filter's correction of one colour is a sum of, one for each tap and gate, as least
// squares want them, and what turning a picture over does to them.
#pragma once

#include <Eigen/Dense>
#include <array>
#include <vector>

#include "model_file/weights.h"

namespace compass::fit {

inline constexpr Eigen::Index kTerms = Eigen::Index{kFilterTaps} * kFilterGates;  // in the order [tap][gate]

// Weights are solved for as factors of differences from the pixel itself, and of that from mid-grey: they are
// small then, and sums exact enough. [kTerms][kTerms]: what they are as weights of taps.
Eigen::MatrixXd taps_of_differences();

// One of the eight ways to turn a square over. Pictures turned over are as good pictures as before: filters
// that are fitted to them, too, are fitted to eight times as many.
class Symmetry {
 public:
  Symmetry(bool across, bool down, bool transposed);
  // Rows of weights, [kTerms][n], or of sums over terms, as a picture turned over has them.
  Eigen::MatrixXd turned(const Eigen::MatrixXd& terms) const;
  // The same the other way.
  Eigen::MatrixXd turned_back(const Eigen::MatrixXd& terms) const;

 private:
  std::array<int, kTerms> to_{};
  std::array<double, kTerms> sign_{};
};
std::vector<Symmetry> all_symmetries();

}  // namespace compass::fit
