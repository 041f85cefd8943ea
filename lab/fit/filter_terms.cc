#include "fit/filter_terms.h"

#include <algorithm>
#include <utility>

namespace compass::fit {
namespace {

using Eigen::MatrixXd;

constexpr int kOne = kFilterTaps - 1;  // the tap that is 1

int tap_at(const FilterTap& place) {
  const auto* found = std::find(kFilterTapPlaces.begin(), kFilterTapPlaces.end(), place);
  return static_cast<int>(found - kFilterTapPlaces.begin());
}

}  // namespace

MatrixXd taps_of_differences() {
  MatrixXd t = MatrixXd::Identity(kFilterTaps, kFilterTaps);
  for (int tap = 0; tap < kOne; ++tap) {
    const int plane = kFilterTapPlaces[tap].plane;
    if (plane == kLumaPlane) {
      for (int c = 0; c < 3; ++c) t(centre_tap(c), tap) = -kFilterLuma[c];
    } else if (tap == centre_tap(plane)) {
      t(kOne, tap) = -0.5;
    } else {
      t(centre_tap(plane), tap) = -1.0;
    }
  }
  MatrixXd all = MatrixXd::Zero(kTerms, kTerms);
  for (int i = 0; i < kFilterTaps; ++i) {
    for (int j = 0; j < kFilterTaps; ++j) {
      for (int g = 0; g < kFilterGates; ++g) all(i * kFilterGates + g, j * kFilterGates + g) = t(i, j);
    }
  }
  return all;
}

// Of the gates, three say nothing of direction, three change sign where x and y change places (u), three
// where left and right or above and below do (v).
Symmetry::Symmetry(bool across, bool down, bool transposed) {
  for (int tap = 0; tap < kFilterTaps; ++tap) {
    int moved = tap;
    if (tap != kOne) {
      FilterTap place = kFilterTapPlaces[tap];
      if (across) place.dx = -place.dx;
      if (down) place.dy = -place.dy;
      if (transposed) std::swap(place.dx, place.dy);
      moved = tap_at(place);
    }
    for (int g = 0; g < kFilterGates; ++g) {
      const bool flips = (g / 3 == 1 && transposed) || (g / 3 == 2 && across != down);
      to_[tap * kFilterGates + g] = moved * kFilterGates + g;
      sign_[tap * kFilterGates + g] = flips ? -1.0 : 1.0;
    }
  }
}

MatrixXd Symmetry::turned(const MatrixXd& terms) const {
  MatrixXd result(terms.rows(), terms.cols());
  for (Eigen::Index i = 0; i < kTerms; ++i) result.row(to_[i]) = sign_[i] * terms.row(i);
  return result;
}

MatrixXd Symmetry::turned_back(const MatrixXd& terms) const {
  MatrixXd result(terms.rows(), terms.cols());
  for (Eigen::Index i = 0; i < kTerms; ++i) result.row(i) = sign_[i] * terms.row(to_[i]);
  return result;
}

std::vector<Symmetry> all_symmetries() {
  std::vector<Symmetry> all;
  all.reserve(8);
  for (int i = 0; i < 8; ++i) all.emplace_back((i & 1) != 0, (i & 2) != 0, (i & 4) != 0);
  return all;
}

}  // namespace compass::fit
