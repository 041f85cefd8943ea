#include "codec/loop_filter.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "entropy/layer_coder.h"

namespace compass {
namespace {

constexpr int kWindow = 2;     // pixels around one over which slopes are averaged, and taps reach
constexpr float kCalm = 4.0F;  // squared slopes, of 8-bit luma, that part gates
constexpr float kBusy = 100.0F;
constexpr float kFloor = 2.0F;  // below which no direction counts

constexpr int64_t kFitPixels = 24'576;  // at least, of a layer's, that steps are fitted to
constexpr int kFitPart = 64;            // or one row in so many
constexpr int kFitSweeps = 16;

int32_t step_of(double wanted) {
  return static_cast<int32_t>(std::lround(std::clamp<double>(wanted, -kMaxFilterStep, kMaxFilterStep)));
}

}  // namespace

void FilterBand::load(Rect band, Size picture, const ReadRow& read) {
  band_ = band;
  const int width = band.width + 2 * kFilterHalo;
  stride_ = static_cast<size_t>(width) + nn::kFilterPadding;
  const auto rows = static_cast<size_t>(band.height + 2 * kFilterHalo);
  for (auto& plane : planes_) plane.resize(rows * stride_);
  for (auto& product : products_) product.resize(rows * stride_);
  sums_.resize(3 * stride_);
  gate_rows_.resize(nn::kFilterGates * stride_);

  const int left = std::max(band.x - kFilterHalo, 0);
  const int right = std::min(band.x + band.width + kFilterHalo, picture.width);
  const int first = left - (band.x - kFilterHalo);
  for (int y = band.y - kFilterHalo; y < band.y + band.height + kFilterHalo; ++y) {
    const PlaneRows rows_of_y{row(0, y), row(1, y), row(2, y)};
    read(std::clamp(y, 0, picture.height - 1), left, right - left,
         {rows_of_y[0] + first, rows_of_y[1] + first, rows_of_y[2] + first});
    for (float* plane : rows_of_y) {
      std::fill_n(plane, first, plane[first]);
      const int end = first + right - left;
      std::fill(plane + end, plane + stride_, plane[end - 1]);
    }
    float* l = row(3, y);
    for (size_t x = 0; x < stride_; ++x) {
      l[x] = kFilterLuma[0] * rows_of_y[0][x] + kFilterLuma[1] * rows_of_y[1][x] +
             kFilterLuma[2] * rows_of_y[2][x];
    }
  }
  for (int y = 1; y < static_cast<int>(rows) - 1; ++y) {
    const float* l = planes_[3].data() + y * stride_;
    const float* above = l - stride_;
    const float* below = l + stride_;
    float* across = products_[0].data() + y * stride_;
    float* down = products_[1].data() + y * stride_;
    float* both = products_[2].data() + y * stride_;
    for (int x = 1; x < width - 1; ++x) {
      const float h = l[x + 1] - l[x - 1];
      const float v = below[x] - above[x];
      across[x] = h * h;
      down[x] = v * v;
      both[x] = h * v;
    }
  }
}

void FilterBand::look_at(int y) {
  size_t tap = 0;
  for (int plane = 0; plane < 3; ++plane) {
    for (int dy = -1; dy <= 1; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) taps_[tap++] = row(plane, y + dy) + kFilterHalo + dx;
    }
  }
  for (int dy = -kWindow; dy <= kWindow; ++dy) {
    for (int dx = -kWindow; dx <= kWindow; ++dx) {
      if (std::max(std::abs(dy), std::abs(dx)) == kWindow) taps_[tap++] = row(3, y + dy) + kFilterHalo + dx;
    }
  }

  const int width = band_.width + 2 * kFilterHalo;
  const size_t top = static_cast<size_t>(y - band_.y + kFilterHalo - kWindow) * stride_;
  for (int i = 0; i < 3; ++i) {
    float* sum = sums_.data() + i * stride_;
    const float* p = products_[i].data() + top;
    for (int x = 1; x < width - 1; ++x) {
      sum[x] = p[x] + p[x + stride_] + p[x + 2 * stride_] + p[x + 3 * stride_] + p[x + 4 * stride_];
    }
  }
  // Slopes are half of a difference; means are over 25 pixels; 8 bits.
  constexpr float kScale = 255.0F * 255.0F / (4.0F * 25.0F);
  float* gate[nn::kFilterGates];
  for (size_t g = 0; g < nn::kFilterGates; ++g) gates_[g] = gate[g] = gate_rows_.data() + g * stride_;
  for (int x = 0; x < band_.width; ++x) {
    const float* s = sums_.data() + x + 1;
    const auto sum = [&](int i) {
      const float* p = s + i * stride_;
      return kScale * (p[0] + p[1] + p[2] + p[3] + p[4]);
    };
    const float a = sum(0);
    const float b = sum(1);
    const float t = a + b;
    const float not_calm = t / (t + kCalm);
    const float busy = t / (t + kBusy);
    const float direction = 1.0F / (t + kFloor);
    const float u = (a - b) * direction;
    const float v = 2.0F * sum(2) * direction;
    const float level[3] = {1.0F - not_calm, not_calm - busy, busy};
    for (int i = 0; i < 3; ++i) {
      gate[i][x] = level[i];
      gate[3 + i][x] = level[i] * u;
      gate[6 + i][x] = level[i] * v;
    }
  }
}

void FilterBand::correct(const float* weights, int channel, float* out) const {
  nn::gated_filter(taps_.data(), taps_.size(), gates_.data(),
                   weights + static_cast<size_t>(channel) * kFilterTaps * kFilterGates, out,
                   static_cast<size_t>(band_.width));
}

FilterBand::ReadRow rows_of(const Image& image) {
  return [&image](int y, int x, int count, const PlaneRows& rows) {
    for (int c = 0; c < 3; ++c) std::copy_n(image.row(c, y) + x, count, rows[c]);
  };
}

std::vector<float> combined_filter(const FilterWeights& filter, std::span<const int32_t> steps) {
  std::vector<float> sum(filter.set(0), filter.set(1));
  for (size_t k = 0; k < steps.size(); ++k) {
    if (steps[k] == 0) continue;
    const float* direction = filter.set(static_cast<int>(k) + 1);
    for (int i = 0; i < kFilterWeights; ++i) sum[i] += static_cast<float>(steps[k]) * direction[i];
  }
  return sum;
}

FilterFit::FilterFit(const FilterWeights& filter, double bits_per_error, int64_t pixels)
    : filter_(filter), bits_per_error_(bits_per_error), pixels_(pixels) {
  every_ = static_cast<int>(std::clamp<int64_t>(pixels / kFitPixels, 1, kFitPart));
  const size_t n = filter.directions + 1;
  sums_.products.assign(n * n, 0.0);
}

FilterFit::Sums FilterFit::sums_of(const FilterBand& band, const std::array<const float*, 3>& error,
                                   int count) const {
  const int n = filter_.directions + 1;
  Sums sums{std::vector<double>(static_cast<size_t>(n) * n), count};
  const size_t stride = static_cast<size_t>(count) + nn::kFilterPadding;
  std::vector<float> corrections(stride * n);
  const auto row = [&](int i) { return corrections.data() + i * stride; };
  std::vector<float> fixed(stride);
  for (int c = 0; c < 3; ++c) {
    for (int k = 0; k + 1 < n; ++k) band.correct(filter_.set(k + 1), c, row(k));
    band.correct(filter_.set(0), c, fixed.data());
    for (int x = 0; x < count; ++x) row(n - 1)[x] = error[c][x] - fixed[x];
    for (int i = 0; i < n; ++i) {
      for (int j = i; j < n; ++j) {
        // Eight sums, so that a compiler may use vectors.
        std::array<float, 8> part{};
        int x = 0;
        for (; x + 8 <= count; x += 8) {
          for (int l = 0; l < 8; ++l) part[l] += row(i)[x + l] * row(j)[x + l];
        }
        double sum = 0.0;
        for (; x < count; ++x) sum += row(i)[x] * row(j)[x];
        for (const float p : part) sum += p;
        sums.products[i * n + j] += sum;
      }
    }
  }
  return sums;
}

void FilterFit::add(const Sums& sums) {
  for (size_t i = 0; i < sums.products.size(); ++i) sums_.products[i] += sums.products[i];
  sums_.pixels += sums.pixels;
}

// Bits, from those of the model's own filter alone.
double FilterFit::cost(std::span<const int32_t> steps) const {
  const int n = filter_.directions + 1;
  double error = 0.0;
  const double bits = filter_step_bits(steps);
  for (int i = 0; i + 1 < n; ++i) {
    const double* p = sums_.products.data() + static_cast<size_t>(i) * n;
    error += steps[i] * (steps[i] * p[i] - 2.0 * p[n - 1]);
    for (int j = i + 1; j + 1 < n; ++j) error += 2.0 * steps[i] * steps[j] * p[j];
  }
  const double scale = static_cast<double>(pixels_) / static_cast<double>(std::max<int64_t>(sums_.pixels, 1));
  return bits + bits_per_error_ * scale * error;
}

// Steps of any real size that leave the least error: the normal equations, by Cholesky's way. A dozen
// unknowns are no reason for the library to need another one.
std::vector<double> FilterFit::unrounded() const {
  const int n = filter_.directions;
  const auto product = [&](int i, int j) { return sums_.products[i * (n + 1) + j]; };
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

// Changes one step at a time while that lowers the cost, which is returned.
double FilterFit::descend(std::vector<int32_t>& steps) const {
  const int n = filter_.directions;
  const auto product = [&](int i, int j) {
    return sums_.products[std::min(i, j) * (n + 1) + std::max(i, j)];
  };
  double least = cost(steps);
  for (int sweep = 0; sweep < kFitSweeps; ++sweep) {
    const double before = least;
    for (int k = 0; k < n; ++k) {
      double pull = product(k, n);
      for (int j = 0; j < n; ++j) pull -= j == k ? 0.0 : steps[j] * product(j, k);
      const int32_t nearest = step_of(product(k, k) > 0.0 ? pull / product(k, k) : 0.0);
      for (const int32_t step : {nearest, nearest - (nearest > 0) + (nearest < 0), 0}) {
        const int32_t kept = std::exchange(steps[k], step);
        const double changed = cost(steps);
        if (changed < least) {
          least = changed;
        } else {
          steps[k] = kept;
        }
      }
    }
    if (least >= before) break;
  }
  return least;
}

std::vector<int32_t> FilterFit::steps() const {
  std::vector<int32_t> rounded;
  for (const double step : unrounded()) rounded.push_back(step_of(step));
  std::vector<int32_t> few(filter_.directions, 0);
  return descend(rounded) < descend(few) ? rounded : few;
}

}  // namespace compass
