#include "fit/filter_terms.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "codec/loop_filter.h"

namespace compass::fit {
namespace {

using Eigen::MatrixXd;

constexpr int kOne = kFilterTaps - 1;  // the tap that is 1
constexpr int kRing = 27;              // the first of the luma taps around the others

// Where a tap is, from the pixel itself.
std::pair<int, int> place_of(int tap) {
  if (tap < kRing) return {tap % 9 / 3 - 1, tap % 3 - 1};
  int at = kRing;
  for (int y = -2; y <= 2; ++y) {
    for (int x = -2; x <= 2; ++x) {
      if (std::max(std::abs(y), std::abs(x)) == 2 && at++ == tap) return {y, x};
    }
  }
  return {0, 0};
}

int tap_at(int like, std::pair<int, int> place) {
  for (int tap = 0; tap < kOne; ++tap) {
    const bool same_kind = std::min(tap / 9, 3) == std::min(like / 9, 3);
    if (same_kind && place_of(tap) == place) return tap;
  }
  return kOne;
}

}  // namespace

MatrixXd taps_of_differences() {
  MatrixXd t = MatrixXd::Identity(kFilterTaps, kFilterTaps);
  for (int tap = 0; tap < kOne; ++tap) {
    const int plane = tap / 9;
    if (plane >= 3) {
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
      auto [y, x] = place_of(tap);
      if (across) x = -x;
      if (down) y = -y;
      if (transposed) std::swap(x, y);
      moved = tap_at(tap, {y, x});
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
  for (int i = 0; i < 8; ++i) all.emplace_back((i & 1) != 0, (i & 2) != 0, (i & 4) != 0);
  return all;
}

}  // namespace compass::fit
