#include "fit/filter_learner.h"

#include <Eigen/Cholesky>
#include <Eigen/Dense>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "codec/loop_filter.h"
#include "fit/filter_terms.h"
#include "fit/learner_module.h"

namespace compass::fit {
namespace {

constexpr int64_t kPixels = 32'768;  // about so many pixels of a picture are used
constexpr double kRidge = 1e-4;      // times the mean square of a term
constexpr double kCoefficientRidge = 1e-5;
constexpr int kRounds = 4;
// The change that a coefficient of 1 makes, as a part of a mean picture's error. Larger units cost fewer
// bits, smaller ones leave less error.
constexpr double kUnit = 0.015;

using Eigen::MatrixXd;
using Eigen::MatrixXf;
using Eigen::VectorXd;
using Eigen::VectorXf;
using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// The root of A + ridge.
Eigen::LLT<MatrixXd> root_of(MatrixXd a, double ridge) {
  a.diagonal().array() += ridge * a.trace() / static_cast<double>(a.rows());
  return a.llt();
}

// In differences; f32 holds what sums of 8-bit pictures are exact to.
struct Sums {
  MatrixXf a;          // [kTerms][kTerms]
  MatrixXf b;          // [kTerms][3]
  double error = 0.0;  // squared

  // Of what is left with weights `f`, and the correction's products with others.
  double left(const MatrixXd& f) const {
    const MatrixXf g = f.cast<float>();
    return error - 2.0 * static_cast<double>((g.cwiseProduct(b)).sum()) +
           static_cast<double>((g.cwiseProduct(a * g)).sum());
  }
  VectorXd coefficients(const std::vector<MatrixXd>& f) const {
    const auto count = static_cast<int>(f.size()) - 1;
    const MatrixXf rest = b - a * f[0].cast<float>();
    MatrixXd m(count, count);
    VectorXd v(count);
    for (int i = 0; i < count; ++i) {
      const MatrixXf moved = a * f[i + 1].cast<float>();
      for (int j = 0; j < count; ++j) m(i, j) = moved.cwiseProduct(f[j + 1].cast<float>()).sum();
      v(i) = rest.cwiseProduct(f[i + 1].cast<float>()).sum();
    }
    return count == 0 ? v : VectorXd(root_of(m, kCoefficientRidge).solve(v));
  }
  double weight() const { return 1.0 / std::max(error, 1e-9); }
  // What is left of B with weights `f`, weighed.
  MatrixXd weighed_rest(const MatrixXd& f) const {
    return weight() * (b.cast<double>() - a.cast<double>() * f);
  }
};

class EigenLearner final : public FilterLearner {
 public:
  void add(const Image& made, const Image& wanted) override;
  int pictures() const override { return static_cast<int>(sums_.size()); }
  FilterWeights learn(int directions) const override;
  Gain gain(const FilterWeights& filter) const override;

 private:
  std::vector<Sums> sums_;
};

void EigenLearner::add(const Image& made, const Image& wanted) {
  const Size size = made.size();
  const int every = static_cast<int>(std::max<int64_t>(1, size.pixels() / kPixels));
  MatrixXf a = MatrixXf::Zero(kTerms, kTerms);
  MatrixXf b = MatrixXf::Zero(kTerms, 3);
  double error = 0.0;
  FilterBand band;
  Rows terms(size.width, kTerms);
  Rows errors(size.width, 3);
  for (int y = std::min(every / 2, size.height - 1); y < size.height; y += every) {
    band.load({0, y, size.width, 1}, size, rows_of(made));
    band.select_row(y);
    const auto taps = band.taps();
    const auto gates = band.gates();
    for (int x = 0; x < size.width; ++x) {
      float centre[4] = {band.sample(0)[x], band.sample(1)[x], band.sample(2)[x], 0.0F};
      for (int c = 0; c < 3; ++c) centre[kLumaPlane] += kFilterLuma[c] * centre[c];
      float* term = &terms(x, 0);
      for (int t = 0; t < kFilterTaps; ++t) {
        const bool one = t == kFilterTaps - 1;
        const int plane = one ? kLumaPlane : kFilterTapPlaces[t].plane;
        const bool itself = plane != kLumaPlane && t == centre_tap(plane);
        const float value = one ? 1.0F : taps[t][x] - (itself ? 0.5F : centre[plane]);
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

// The normal equations of all pictures in all symmetries, each divided by the picture's squared error; solved
// for a filter and its directions.
class Solver {
 public:
  explicit Solver(const std::vector<Sums>& sums) : sums_(sums), symmetries_(all_symmetries()) {
    MatrixXd one = MatrixXd::Zero(kTerms, kTerms);
    MatrixXd b = MatrixXd::Zero(kTerms, 3);
    for (const Sums& s : sums_) {
      one += s.weight() * s.a.cast<double>();
      b += s.weight() * s.b.cast<double>();
    }
    mean_ = MatrixXd::Zero(kTerms, kTerms);
    MatrixXd error = MatrixXd::Zero(kTerms, 3);
    for (const Symmetry& symmetry : symmetries_) {
      mean_ += both_turned(symmetry, one);
      error += symmetry.turned(b);
    }
    root_ = root_of(mean_, kRidge);
    filter_.push_back(root_.solve(error));
  }

  // Principal directions of the single pictures' best filters, in the metric of the mean picture.
  void start(int directions) {
    MatrixXd covariance = MatrixXd::Zero(3 * kTerms, 3 * kTerms);
    MatrixXd wants(3 * kTerms, pictures());
    for (const Symmetry& symmetry : symmetries_) {
      const MatrixXd back = symmetry.turned_back(filter_[0]);
      for (Eigen::Index n = 0; n < pictures(); ++n) {
        const MatrixXd want = sums_[n].weighed_rest(back);
        wants.col(n) = MatrixXd(root_.matrixL().solve(symmetry.turned(want))).reshaped();
      }
      covariance += wants * wants.transpose();
    }
    const Eigen::SelfAdjointEigenSolver<MatrixXd> principal(covariance);
    for (int k = 0; k < directions; ++k) {
      const MatrixXd direction = principal.eigenvectors().col(3 * kTerms - 1 - k).reshaped(kTerms, 3);
      filter_.emplace_back(root_.matrixU().solve(direction));
    }
  }

  // The best directions for the coefficients that pictures take in the present ones.
  void improve() {
    const auto count = static_cast<Eigen::Index>(filter_.size()) - 1;
    MatrixXd a = MatrixXd::Zero(count * kTerms, count * kTerms);  // only the lower half is set and read
    MatrixXd b = MatrixXd::Zero(count * kTerms, 3);
    for (const Symmetry& symmetry : symmetries_) {
      const MatrixXd coefficients = coefficients_of(symmetry);
      MatrixXf pairs(pictures(), count * (count + 1) / 2);  // products of two coefficients of a picture
      for (Eigen::Index i = 0, p = 0; i < count; ++i) {
        for (Eigen::Index j = 0; j <= i; ++j, ++p) {
          pairs.col(p) = coefficients.row(i).cwiseProduct(coefficients.row(j)).cast<float>();
        }
      }
      const MatrixXf sums = packed() * pairs;
      for (Eigen::Index i = 0, p = 0; i < count; ++i) {
        for (Eigen::Index j = 0; j <= i; ++j, ++p) {
          a.block(i * kTerms, j * kTerms, kTerms, kTerms) += both_turned(symmetry, unpacked(sums.col(p)));
        }
      }
      const MatrixXd back = symmetry.turned_back(filter_[0]);
      MatrixXd rest = MatrixXd::Zero(kTerms, 3 * count);
      for (Eigen::Index n = 0; n < pictures(); ++n) {
        const MatrixXd own = sums_[n].weighed_rest(back);
        for (Eigen::Index i = 0; i < count; ++i) rest.middleCols(3 * i, 3) += coefficients(i, n) * own;
      }
      for (Eigen::Index i = 0; i < count; ++i) {
        b.middleRows(i * kTerms, kTerms) += symmetry.turned(rest.middleCols(3 * i, 3));
      }
    }
    // A ridge for each direction: coefficients may have any size.
    for (Eigen::Index i = 0; i < count; ++i) {
      auto diagonal = a.diagonal().segment(i * kTerms, kTerms);
      diagonal.array() += kRidge * diagonal.mean();
    }
    const Eigen::LLT<Eigen::Ref<MatrixXd>> root(a);  // in place
    const MatrixXd solved = root.solve(b);
    for (Eigen::Index i = 0; i < count; ++i) filter_[i + 1] = solved.middleRows(i * kTerms, kTerms);
  }

  // Directions that act independently on the mean picture, most used first, in units of one size.
  void turn() {
    const auto count = static_cast<Eigen::Index>(filter_.size()) - 1;
    MatrixXd products(count, count);
    for (Eigen::Index i = 0; i < count; ++i) {
      for (Eigen::Index j = 0; j < count; ++j) {
        products(i, j) = filter_[i + 1].cwiseProduct(mean_ * filter_[j + 1]).sum();
      }
    }
    const MatrixXd upper = products.llt().matrixU();  // products = upper^T upper
    MatrixXd spread = MatrixXd::Zero(count, count);
    for (const Symmetry& symmetry : symmetries_) {
      const MatrixXd coefficients = upper * coefficients_of(symmetry);  // in an orthonormal basis
      spread += coefficients * coefficients.transpose();
    }
    const Eigen::SelfAdjointEigenSolver<MatrixXd> principal(spread);
    const double unit = kUnit * std::sqrt(static_cast<double>(pictures() * symmetries_.size()));
    // f' = f upper^-1 V unit.
    const MatrixXd turn = unit * upper.inverse() * principal.eigenvectors().rowwise().reverse();
    std::vector<MatrixXd> turned{filter_[0]};
    for (Eigen::Index i = 0; i < count; ++i) {
      MatrixXd& sum = turned.emplace_back(MatrixXd::Zero(kTerms, 3));
      for (Eigen::Index j = 0; j < count; ++j) sum += turn(j, i) * filter_[j + 1];
    }
    filter_ = std::move(turned);
  }

  // The filter and its directions, each [kTerms][3].
  const std::vector<MatrixXd>& filter() const { return filter_; }

 private:
  Eigen::Index pictures() const { return static_cast<Eigen::Index>(sums_.size()); }

  static MatrixXd both_turned(const Symmetry& symmetry, const MatrixXd& a) {
    return symmetry.turned(symmetry.turned(a).transpose());
  }

  // The best coefficients of all pictures in one symmetry: [directions][pictures].
  MatrixXd coefficients_of(const Symmetry& symmetry) const {
    std::vector<MatrixXd> back;
    for (const MatrixXd& f : filter_) back.push_back(symmetry.turned_back(f));
    MatrixXd coefficients(filter_.size() - 1, pictures());
    for (Eigen::Index n = 0; n < pictures(); ++n) coefficients.col(n) = sums_[n].coefficients(back);
    return coefficients;
  }

  // The lower halves of all pictures' A, weighed: [kTerms (kTerms+1) / 2][pictures].
  const MatrixXf& packed() {
    if (packed_.size() > 0) return packed_;
    packed_.resize(kTerms * (kTerms + 1) / 2, pictures());
    for (Eigen::Index n = 0; n < pictures(); ++n) {
      for (Eigen::Index i = 0, p = 0; i < kTerms; p += ++i) {
        packed_.col(n).segment(p, i + 1) =
            static_cast<float>(sums_[n].weight()) * sums_[n].a.row(i).head(i + 1).transpose();
      }
    }
    return packed_;
  }
  static MatrixXd unpacked(const VectorXf& half) {
    MatrixXd a(kTerms, kTerms);
    for (Eigen::Index i = 0, p = 0; i < kTerms; p += ++i) {
      const auto row = half.segment(p, i + 1).cast<double>();
      a.row(i).head(i + 1) = row.transpose();
      a.col(i).head(i + 1) = row;
    }
    return a;
  }

  const std::vector<Sums>& sums_;
  const std::vector<Symmetry> symmetries_;
  MatrixXd mean_;
  Eigen::LLT<MatrixXd> root_;
  std::vector<MatrixXd> filter_;
  MatrixXf packed_;
};

FilterWeights EigenLearner::learn(int directions) const {
  Solver solver(sums_);
  if (directions > 0) {
    solver.start(directions);
    for (int round = 0; round < kRounds; ++round) solver.improve();
    solver.turn();
  }
  FilterWeights filter;
  filter.directions = directions;
  const MatrixXd to_taps = taps_of_differences();
  for (const MatrixXd& set : solver.filter()) {
    const MatrixXd taps = to_taps * set;
    for (int c = 0; c < 3; ++c) {
      for (int t = 0; t < kTerms; ++t) filter.values.push_back(static_cast<float>(taps(t, c)));
    }
  }
  return filter;
}

FilterLearner::Gain EigenLearner::gain(const FilterWeights& filter) const {
  const Eigen::PartialPivLU<MatrixXd> from_taps(taps_of_differences());
  std::vector<MatrixXd> f;
  for (int i = 0; i <= filter.directions; ++i) {
    MatrixXd taps(kTerms, 3);
    for (int c = 0; c < 3; ++c) {
      for (int t = 0; t < kTerms; ++t) taps(t, c) = filter.set(i)[c * kTerms + t];
    }
    f.emplace_back(from_taps.solve(taps));
  }
  Gain gain;
  const auto wrong = std::ranges::count_if(sums_, [](const Sums& s) { return s.error > 0.0; });
  for (const Sums& s : sums_) {
    if (s.error <= 0.0) continue;  // no filter makes it better
    const auto decibels = [&](const MatrixXd& g) { return 10.0 * std::log10(s.error / s.left(g)); };
    gain.fixed += decibels(f[0]) / static_cast<double>(wrong);
    MatrixXd adapted = f[0];
    const VectorXd coefficients = s.coefficients(f);
    for (int k = 0; k < filter.directions; ++k) adapted += std::round(coefficients(k)) * f[k + 1];
    gain.adapted += decibels(adapted) / static_cast<double>(wrong);
  }
  return gain;
}

}  // namespace
}  // namespace compass::fit

extern "C" __attribute__((visibility("default"))) compass::fit::FilterLearner* compass_filter_learner() {
  return new compass::fit::EigenLearner;
}
