#include "codec/filter_fit.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "codec/layer_blocks.h"
#include "entropy/layer_coder.h"

namespace compass {
namespace {

// At least so many pixels of a layer are sampled, or one in `apart`: docs/log/filter.md.
struct Sample {
  int64_t pixels;
  int apart;
};
constexpr Sample kQuick{12'288, 16};
constexpr Sample kThorough{24'576, 4};
// Pixels of a row side by side: as many as kernels write at once, at most.
constexpr int kStretch = 32;
static_assert(kStretch == nn::kFilterPadding);
static_assert(kFilterRegion % kStretch == 0);
constexpr int kSweeps = 16;

int32_t coefficient_of(double wanted) {
  return static_cast<int32_t>(
      std::lround(std::clamp<double>(wanted, -kMaxFilterCoefficient, kMaxFilterCoefficient)));
}

// The real-valued coefficients that leave the least error: the normal equations by Cholesky's decomposition.
// For some dozen unknowns the library need not depend on a linear algebra package.
std::vector<double> unrounded(const std::vector<double>& products, int n) {
  const auto product = [&](int i, int j) { return products[i * (n + 1) + j]; };
  std::vector<double> lower(static_cast<size_t>(n) * n);
  std::vector<double> x(n, 0.0);
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j <= i; ++j) {
      double sum = product(j, i) + (i == j ? 1e-9 * (product(i, i) + 1e-30) : 0.0);
      for (int k = 0; k < j; ++k) sum -= lower[i * n + k] * lower[j * n + k];
      lower[i * n + j] =
          i == j ? std::sqrt(std::max(sum, 1e-12 * product(i, i) + 1e-30)) : sum / lower[j * n + j];
    }
    x[i] = product(i, n);
    for (int k = 0; k < i; ++k) x[i] -= lower[i * n + k] * x[k];
    x[i] /= lower[i * n + i];
  }
  for (int i = n; i-- > 0;) {
    for (int k = i + 1; k < n; ++k) x[i] -= lower[k * n + i] * x[k];
    x[i] /= lower[i * n + i];
  }
  return x;
}

}  // namespace

FilterFit::FilterFit(const FilterWeights& filter, double bits_per_error, Size layer, Care care,
                     const VisualWeights* weights)
    : filter_(filter), bits_per_error_(bits_per_error), regions_(layer), weights_(weights), care_(care) {
  for (int64_t block = 0; block < latent_grid(layer).pixels(); ++block) {
    blocks_.push_back(block_regions(layer, block));
  }
  const Sample sample = care == Care::kQuick ? kQuick : kThorough;
  for (int apart = 2; apart <= sample.apart && layer.pixels() >= apart * sample.pixels; apart *= 2) {
    (rows_apart_ <= stretches_apart_ ? rows_apart_ : stretches_apart_) *= 2;
  }
  bits_per_error_ *= rows_apart_ * stretches_apart_;
  const size_t n = filter.directions + 1;
  sums_.assign(regions_.count(), {0, std::vector<double>(n * n)});
}

void FilterFit::sum(const FilterBand& band, const std::array<const float*, 3>& error,
                    std::vector<Sums>& sums) const {
  const Rect row = band.row();
  const int n = filter_.directions + 1;
  // The corrections of a stretch by each set of weights, [sets][3][kStretch], and behind them the error that
  // the first set, the model's own filter, leaves.
  constexpr int kRow = 3 * kStretch;
  std::vector<float> corrections(static_cast<size_t>(n + 1) * kRow);
  const int end = row.x + row.width;
  for (int x = row.x, next = 0; x < end; x = next) {
    const int stretch = x / kStretch;
    next = std::min((stretch + 1) * kStretch, end);
    if ((stretch + row.y / rows_apart_) % stretches_apart_ != 0) continue;
    const size_t region = regions_.at(x, row.y);
    if (sums.empty() || sums.back().region != region) {
      sums.push_back({region, std::vector<double>(static_cast<size_t>(n) * n)});
    }
    const int first = x - row.x;
    const int count = next - x;
    band.correct_all(filter_, first, count, corrections.data(), kStretch);
    for (int i = 0; i < kRow; ++i) {
      const float wanted = i % kStretch < count ? error[i / kStretch][first + i % kStretch] : 0.0F;
      corrections[n * kRow + i] = wanted - corrections[i];
    }
    for (int r = 0; count < kStretch && r < 3 * (n + 1); ++r) {
      std::fill_n(corrections.begin() + r * kStretch + count, kStretch - count, 0.0F);
    }
    if (weights_ != nullptr) weigh(row.y, x, count, n + 1, corrections);
    nn::add_row_products(corrections.data() + kRow, n, kRow, sums.back().products.data());
  }
}

// Rows of a stretch of pixels from (y, x) on, times the roots of what errors count there.
void FilterFit::weigh(int y, int x, int count, int sets, std::vector<float>& rows) const {
  std::array<float, kStretch> roots{};
  for (int i = 0; i < count; ++i) roots[i] = std::sqrt(weights_->at(y, x + i));
  for (int r = 0; r < 3 * sets; ++r) {
    for (int i = 0; i < count; ++i) rows[r * kStretch + i] *= roots[i];
  }
}

void FilterFit::add(std::span<const Sums> sums) {
  for (const Sums& more : sums) sums_[more.region].add(more);
}

// The error in bits, as a difference from the error with the model's own filter alone.
double FilterFit::cost(const Sums& sums, const Coefficients& coefficients) const {
  const int n = filter_.directions + 1;
  double error = 0.0;
  for (int i = 0; i + 1 < n; ++i) {
    const double* p = sums.products.data() + static_cast<size_t>(i) * n;
    error += coefficients[i] * (coefficients[i] * p[i] - 2.0 * p[n - 1]);
    for (int j = i + 1; j + 1 < n; ++j) error += 2.0 * coefficients[i] * coefficients[j] * p[j];
  }
  return bits_per_error_ * error;
}

// Changes one coefficient at a time while that lowers the cost, which is returned.
double FilterFit::descend(const Sums& sums, Coefficients& coefficients) const {
  const int n = filter_.directions;
  const auto product = [&](int i, int j) { return sums.products[std::min(i, j) * (n + 1) + std::max(i, j)]; };
  bool changed = true;
  for (int sweep = 0; changed && sweep < kSweeps; ++sweep) {
    changed = false;
    for (int k = 0; k < n; ++k) {
      double pull = product(k, n);
      for (int j = 0; j < n; ++j) pull -= j == k ? 0.0 : coefficients[j] * product(j, k);
      const auto cost_of_this = [&] {  // what depends on it
        const double error = coefficients[k] * (coefficients[k] * product(k, k) - 2.0 * pull);
        return coefficient_bits(coefficients) + bits_per_error_ * error;
      };
      double least = cost_of_this();
      const int32_t nearest = coefficient_of(product(k, k) > 0.0 ? pull / product(k, k) : 0.0);
      for (const int32_t coefficient : {nearest, nearest - (nearest > 0) + (nearest < 0), 0}) {
        const int32_t kept = std::exchange(coefficients[k], coefficient);
        const double tried = cost_of_this();
        if (tried < least) {
          least = tried;
          changed = true;
        } else {
          coefficients[k] = kept;
        }
      }
    }
  }
  return coefficient_bits(coefficients) + cost(sums, coefficients);
}

FilterFit::Coefficients FilterFit::best_coefficients(const Sums& sums) const {
  Coefficients rounded;
  for (const double coefficient : unrounded(sums.products, filter_.directions))
    rounded.push_back(coefficient_of(coefficient));
  Coefficients few(filter_.directions, 0);
  return descend(sums, rounded) < descend(sums, few) ? rounded : few;
}

// Each region takes the best coefficients of its own, those of the region before it in its block, or those of
// the whole layer; or all regions take the latter.
std::vector<int32_t> FilterFit::coefficients() const {
  Sums layer = sums_.front();
  for (const Sums& sums : std::span(sums_).subspan(1)) layer.add(sums);
  const Coefficients common = best_coefficients(layer);
  const bool share = care_ == Care::kQuick;
  double common_cost = 0.0;
  double own_cost = 0.0;
  const size_t directions = filter_.directions;
  std::vector<int32_t> common_coefficients(sums_.size() * directions);
  std::vector<int32_t> own_coefficients(common_coefficients.size());
  for (const std::vector<size_t>& block : blocks_) {
    Coefficients last(directions, 0);
    for (const size_t region : block) {
      const Sums& sums = sums_[region];
      const bool first = region == block.front();
      common_cost += cost(sums, common) + (first ? coefficient_bits(common) : kSameCoefficientsBits);
      std::ranges::copy(common,
                        common_coefficients.begin() + static_cast<std::ptrdiff_t>(region * directions));
      double least = cost(sums, last) + kSameCoefficientsBits;
      Coefficients chosen = last;
      for (const Coefficients& coefficients :
           {common, share || sums_.size() == 1 ? common : best_coefficients(sums)}) {
        const double all = cost(sums, coefficients) + coefficient_bits(coefficients);
        if (all < least) {
          least = all;
          chosen = coefficients;
        }
      }
      own_cost += least;
      std::ranges::copy(chosen, own_coefficients.begin() + static_cast<std::ptrdiff_t>(region * directions));
      last = chosen;
    }
  }
  return own_cost < common_cost ? own_coefficients : common_coefficients;
}

}  // namespace compass
