#include "fit/filter_learner.h"

#include <Eigen/Cholesky>
#include <Eigen/Dense>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "codec/loop_filter.h"

namespace compass::fit {
namespace {

constexpr Eigen::Index kTerms = Eigen::Index{kFilterTaps} * kFilterGates;  // of one colour's correction
constexpr int64_t kPixels = 16'384;                                        // of a picture that count, about
constexpr double kRidge = 1e-5;                                            // of the mean square of a term
constexpr int kRounds = 4;
constexpr double kStep = 0.5;  // of the steps' deviation in the direction that is used least

using Eigen::MatrixXd;
using Eigen::MatrixXf;
using Eigen::VectorXd;
using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr int kOne = kFilterTaps - 1;  // the tap that is 1

// Weights are solved for as factors of differences from the pixel itself, and of that from mid-grey: they are
// small then, and sums exact enough. [kFilterTaps][kFilterTaps], taps times it are those differences.
MatrixXd differences() {
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
  return t;
}

// The same for all gates: terms are in the order [tap][gate].
MatrixXd term_differences() {
  const MatrixXd t = differences();
  MatrixXd all = MatrixXd::Zero(kTerms, kTerms);
  for (int i = 0; i < kFilterTaps; ++i) {
    for (int j = 0; j < kFilterTaps; ++j) {
      for (int g = 0; g < kFilterGates; ++g) all(i * kFilterGates + g, j * kFilterGates + g) = t(i, j);
    }
  }
  return all;
}

// The root of A + ridge.
Eigen::LLT<MatrixXd> root_of(MatrixXd a) {
  a.diagonal().array() += kRidge * a.trace() / static_cast<double>(a.rows());
  return a.llt();
}

}  // namespace

// In differences; f32 holds what sums of 8-bit pictures are exact to.
struct FilterLearner::Sums {
  MatrixXf a;          // [kTerms][kTerms]
  MatrixXf b;          // [kTerms][3]
  double error = 0.0;  // squared

  // Of what is left with weights `f`, and the correction's products with others.
  double left(const MatrixXd& f) const {
    const MatrixXf g = f.cast<float>();
    return error - 2.0 * static_cast<double>((g.cwiseProduct(b)).sum()) +
           static_cast<double>((g.cwiseProduct(a * g)).sum());
  }
  VectorXd steps(const std::vector<MatrixXd>& f) const {
    const auto count = static_cast<int>(f.size()) - 1;
    const MatrixXf rest = b - a * f[0].cast<float>();
    MatrixXd m(count, count);
    VectorXd v(count);
    for (int i = 0; i < count; ++i) {
      const MatrixXf moved = a * f[i + 1].cast<float>();
      for (int j = 0; j < count; ++j) m(i, j) = moved.cwiseProduct(f[j + 1].cast<float>()).sum();
      v(i) = rest.cwiseProduct(f[i + 1].cast<float>()).sum();
    }
    return count == 0 ? v : VectorXd(root_of(m).solve(v));
  }
  double weight() const { return 1.0 / std::max(error, 1e-9); }
};

FilterLearner::FilterLearner() = default;
FilterLearner::~FilterLearner() = default;
FilterLearner::FilterLearner(FilterLearner&&) noexcept = default;

int FilterLearner::pictures() const {
  return static_cast<int>(sums_.size());
}

void FilterLearner::add(const Image& made, const Image& wanted) {
  const Size size = made.size();
  const int every = static_cast<int>(std::max<int64_t>(1, size.pixels() / kPixels));
  MatrixXf a = MatrixXf::Zero(kTerms, kTerms);
  MatrixXf b = MatrixXf::Zero(kTerms, 3);
  double error = 0.0;
  FilterBand band;
  Rows terms(size.width, kTerms);
  Rows errors(size.width, 3);
  for (int y = every / 2; y < size.height; y += every) {
    band.load({0, y, size.width, 1}, size, rows_of(made));
    band.look_at(y);
    const auto taps = band.taps();
    const auto gates = band.gates();
    for (int x = 0; x < size.width; ++x) {
      float centre[4] = {band.sample(0)[x], band.sample(1)[x], band.sample(2)[x], 0.0F};
      for (int c = 0; c < 3; ++c) centre[3] += kFilterLuma[c] * centre[c];
      float* term = &terms(x, 0);
      for (int t = 0; t < kFilterTaps; ++t) {
        const int plane = std::min(t / 9, 3);
        const bool itself = plane < 3 && t == centre_tap(plane);
        const float value = t == kOne ? 1.0F : taps[t][x] - (itself ? 0.5F : centre[plane]);
        for (int g = 0; g < kFilterGates; ++g) *term++ = value * gates[g][x];
      }
      for (int c = 0; c < 3; ++c) errors(x, c) = wanted.row(c, y)[x] - centre[c];
    }
    a.noalias() += terms.transpose() * terms;
    b.noalias() += terms.transpose() * errors;
    error += errors.cast<double>().squaredNorm();
  }
  sums_.push_back({std::move(a), std::move(b), error});
}

FilterWeights FilterLearner::learn(int directions) const {
  MatrixXd a = MatrixXd::Zero(kTerms, kTerms);
  MatrixXd b = MatrixXd::Zero(kTerms, 3);
  for (const Sums& s : sums_) {
    a += s.weight() * s.a.cast<double>();
    b += s.weight() * s.b.cast<double>();
  }
  const Eigen::LLT<MatrixXd> root = root_of(a);
  std::vector<MatrixXd> f{root.solve(b)};
  if (directions > 0) {
    // Principal directions of what pictures want, in the metric of the mean picture.
    MatrixXd wants(3 * kTerms, pictures());
    for (int n = 0; n < pictures(); ++n) {
      const Sums& s = sums_[n];
      const MatrixXd want = s.weight() * (s.b.cast<double>() - s.a.cast<double>() * f[0]);
      wants.col(n) = MatrixXd(root.matrixL().solve(want)).reshaped();
    }
    const Eigen::SelfAdjointEigenSolver<MatrixXd> principal(wants * wants.transpose());
    for (int k = 0; k < directions; ++k) {
      const MatrixXd direction = principal.eigenvectors().col(3 * kTerms - 1 - k).reshaped(kTerms, 3);
      f.emplace_back(root.matrixU().solve(direction));
    }
  }
  const auto steps_of = [&] {
    MatrixXd steps(directions, pictures());
    for (int n = 0; n < pictures(); ++n) steps.col(n) = sums_[n].steps(f);
    return steps;
  };
  for (int round = 0; round < kRounds && directions > 0; ++round) {
    const MatrixXd steps = steps_of();
    MatrixXd all_a = MatrixXd::Zero(directions * kTerms, directions * kTerms);
    MatrixXd all_b = MatrixXd::Zero(directions * kTerms, 3);
    for (int n = 0; n < pictures(); ++n) {
      const Sums& s = sums_[n];
      const MatrixXd sa = s.a.cast<double>();
      const MatrixXd rest = s.b.cast<double>() - sa * f[0];
      for (int i = 0; i < directions; ++i) {
        // The lower half, which is all that is looked at.
        for (int j = 0; j <= i; ++j) {
          all_a.block(i * kTerms, j * kTerms, kTerms, kTerms) += s.weight() * steps(i, n) * steps(j, n) * sa;
        }
        all_b.middleRows(i * kTerms, kTerms) += s.weight() * steps(i, n) * rest;
      }
    }
    // A ridge for each direction: steps may have any size.
    for (int i = 0; i < directions; ++i) {
      auto diagonal = all_a.diagonal().segment(i * kTerms, kTerms);
      diagonal.array() += kRidge * diagonal.mean();
    }
    const Eigen::LLT<Eigen::Ref<MatrixXd>> large_root(all_a);  // in place
    const MatrixXd solved = large_root.solve(all_b);
    for (int i = 0; i < directions; ++i) f[i + 1] = solved.middleRows(i * kTerms, kTerms);
  }

  FilterWeights filter;
  filter.directions = directions;
  if (directions > 0) {
    // Directions that act independently on the mean picture, each with steps that say something.
    MatrixXd products(directions, directions);
    for (int i = 0; i < directions; ++i) {
      for (int j = 0; j < directions; ++j) products(i, j) = f[i + 1].cwiseProduct(a * f[j + 1]).sum();
    }
    const MatrixXd upper = products.llt().matrixU();  // products = upper^T upper
    const MatrixXd steps = upper * steps_of();        // in an orthonormal basis
    const Eigen::SelfAdjointEigenSolver<MatrixXd> spread(steps * steps.transpose() / pictures());
    const double step = kStep * std::sqrt(std::max(spread.eigenvalues()(0), 1e-18));
    // f' = f upper^-1 V step, most used first.
    const MatrixXd turn = upper.inverse() * spread.eigenvectors().rowwise().reverse();
    std::vector<MatrixXd> turned{f[0]};
    for (int i = 0; i < directions; ++i) {
      MatrixXd sum = MatrixXd::Zero(kTerms, 3);
      for (int j = 0; j < directions; ++j) sum += turn(j, i) * step * f[j + 1];
      turned.push_back(sum);
    }
    f = turned;
  }
  const MatrixXd to_taps = term_differences();
  for (const MatrixXd& set : f) {
    const MatrixXd taps = to_taps * set;
    for (int c = 0; c < 3; ++c) {
      for (int t = 0; t < kTerms; ++t) filter.values.push_back(static_cast<float>(taps(t, c)));
    }
  }
  return filter;
}

FilterLearner::Gain FilterLearner::gain(const FilterWeights& filter) const {
  const Eigen::PartialPivLU<MatrixXd> from_taps(term_differences());
  std::vector<MatrixXd> f;
  for (int i = 0; i <= filter.directions; ++i) {
    MatrixXd taps(kTerms, 3);
    for (int c = 0; c < 3; ++c) {
      for (int t = 0; t < kTerms; ++t) taps(t, c) = filter.set(i)[c * kTerms + t];
    }
    f.emplace_back(from_taps.solve(taps));
  }
  Gain gain;
  for (const Sums& s : sums_) {
    const auto decibels = [&](const MatrixXd& g) { return 10.0 * std::log10(s.error / s.left(g)); };
    gain.fixed += decibels(f[0]) / pictures();
    MatrixXd adapted = f[0];
    const VectorXd steps = s.steps(f);
    for (int k = 0; k < filter.directions; ++k) adapted += std::round(steps(k)) * f[k + 1];
    gain.adapted += decibels(adapted) / pictures();
  }
  return gain;
}

}  // namespace compass::fit
