#include "eval/bdrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

namespace compass::eval {
namespace {

// A curve as samples y over strictly rising x.
struct Samples {
  std::vector<double> x;
  std::vector<double> y;
};

Error refuse(const char* which, const std::string& why) {
  return {ErrorCode::kUsage, fmt::format("no Bjontegaard delta: {} curve {}", which, why)};
}

// Checks the curve and returns it sorted by rate as (quality, log10 rate).
Result<Samples> prepare(const RdCurve& curve, const char* which) {
  if (curve.size() < static_cast<size_t>(kMinPoints)) {
    return refuse(which, fmt::format("has {} points, at least {} are needed", curve.size(), kMinPoints));
  }
  RdCurve sorted = curve;
  for (const RdPoint& p : sorted) {
    if (!std::isfinite(p.quality) || !std::isfinite(p.rate)) {
      return refuse(which, "has a value that is not finite");
    }
    if (p.rate <= 0) return refuse(which, fmt::format("has the rate {}, which is not above zero", p.rate));
  }
  std::sort(sorted.begin(), sorted.end(), [](const RdPoint& a, const RdPoint& b) { return a.rate < b.rate; });
  Samples out;
  for (const RdPoint& p : sorted) {
    if (!out.x.empty() && (p.quality <= out.x.back() || std::log10(p.rate) <= out.y.back())) {
      return refuse(which, fmt::format("does not rise: quality {:.4g} at rate {:.4g} after quality {:.4g}",
                                       p.quality, p.rate, out.x.back()));
    }
    out.x.push_back(p.quality);
    out.y.push_back(std::log10(p.rate));
  }
  return out;
}

// Integral of the least-squares cubic through the samples over [low, high].
double integrate_cubic(const Samples& s, double low, double high) {
  // Centred and scaled abscissae keep the normal equations well conditioned.
  const double centre = 0.5 * (s.x.front() + s.x.back());
  const double scale = 0.5 * (s.x.back() - s.x.front());
  std::array<std::array<double, 5>, 4> m{};  // [A | b] of the 4x4 normal equations
  for (size_t i = 0; i < s.x.size(); ++i) {
    const double t = (s.x[i] - centre) / scale;
    const std::array<double, 4> power{1, t, t * t, t * t * t};
    for (int r = 0; r < 4; ++r) {
      for (int c = 0; c < 4; ++c) m[r][c] += power[r] * power[c];
      m[r][4] += power[r] * s.y[i];
    }
  }
  for (int col = 0; col < 4; ++col) {  // Gauss-Jordan with row pivoting
    int pivot = col;
    for (int r = col + 1; r < 4; ++r) {
      if (std::abs(m[r][col]) > std::abs(m[pivot][col])) pivot = r;
    }
    std::swap(m[col], m[pivot]);
    for (int r = 0; r < 4; ++r) {
      if (r == col) continue;
      const double factor = m[r][col] / m[col][col];
      for (int c = col; c < 5; ++c) m[r][c] -= factor * m[col][c];
    }
  }
  const auto primitive = [&](double x) {
    const double t = (x - centre) / scale;
    double sum = 0;
    double power = t;
    for (int r = 0; r < 4; ++r) {
      sum += m[r][4] / m[r][r] * power / (r + 1);
      power *= t;
    }
    return sum * scale;
  };
  return primitive(high) - primitive(low);
}

// One-sided three-point slope at an end, kept monotone: Fritsch and Butland's rule as in Moler, "Numerical
// Computing with MATLAB" (2004), section 3.4. h, d: widths and slopes of the two intervals next to the end.
double end_slope(double h0, double h1, double d0, double d1) {
  const double slope = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1);
  if (slope * d0 <= 0) return 0;
  if (d0 * d1 <= 0 && std::abs(slope) > 3 * std::abs(d0)) return 3 * d0;
  return slope;
}

// Integral over [low, high] of the monotone piecewise cubic through the samples (three or more).
double integrate_pchip(const Samples& s, double low, double high) {
  const size_t n = s.x.size();
  std::vector<double> h(n - 1);
  std::vector<double> d(n - 1);
  for (size_t i = 0; i + 1 < n; ++i) {
    h[i] = s.x[i + 1] - s.x[i];
    d[i] = (s.y[i + 1] - s.y[i]) / h[i];
  }
  std::vector<double> slope(n);
  slope.front() = end_slope(h[0], h[1], d[0], d[1]);
  slope.back() = end_slope(h[n - 2], h[n - 3], d[n - 2], d[n - 3]);
  for (size_t i = 1; i + 1 < n; ++i) {  // weighted harmonic means
    const double w0 = 2 * h[i] + h[i - 1];
    const double w1 = h[i] + 2 * h[i - 1];
    slope[i] = d[i - 1] * d[i] <= 0 ? 0 : (w0 + w1) / (w0 / d[i - 1] + w1 / d[i]);
  }
  double sum = 0;
  for (size_t i = 0; i + 1 < n; ++i) {
    const double from = std::max(low, s.x[i]) - s.x[i];
    const double to = std::min(high, s.x[i + 1]) - s.x[i];
    if (to <= from) continue;
    const double c = (3 * d[i] - 2 * slope[i] - slope[i + 1]) / h[i];
    const double b = (slope[i] + slope[i + 1] - 2 * d[i]) / (h[i] * h[i]);
    const auto primitive = [&](double t) {
      return t * (s.y[i] + t * (slope[i] / 2 + t * (c / 3 + t * b / 4)));
    };
    sum += primitive(to) - primitive(from);
  }
  return sum;
}

// Average of test - anchor over the x range that both cover.
Result<BdValue> average_difference(const Samples& anchor, const Samples& test, Interpolation interpolation) {
  BdValue out;
  out.low = std::max(anchor.x.front(), test.x.front());
  out.high = std::min(anchor.x.back(), test.x.back());
  const double shorter = std::min(anchor.x.back() - anchor.x.front(), test.x.back() - test.x.front());
  out.overlap = std::max(0.0, out.high - out.low) / shorter;
  if (out.overlap < kMinOverlap) {
    return Error{
        ErrorCode::kUsage,
        fmt::format("no Bjontegaard delta: the curves overlap in {:.0f} % of the shorter one's range "
                    "([{:.4g}, {:.4g}] and [{:.4g}, {:.4g}]); at least {:.0f} % are needed",
                    100 * out.overlap, anchor.x.front(), anchor.x.back(), test.x.front(), test.x.back(),
                    100 * kMinOverlap)};
  }
  const auto integrate = interpolation == Interpolation::kCubic ? integrate_cubic : integrate_pchip;
  out.value =
      (integrate(test, out.low, out.high) - integrate(anchor, out.low, out.high)) / (out.high - out.low);
  return out;
}

}  // namespace

Result<BdValue> bd_rate(const RdCurve& anchor, const RdCurve& test, Interpolation interpolation) {
  Result<Samples> a = prepare(anchor, "the anchor's");
  if (!a) return a.error();
  Result<Samples> t = prepare(test, "the tested");
  if (!t) return t.error();
  Result<BdValue> difference = average_difference(*a, *t, interpolation);
  if (difference) difference->value = 100 * (std::pow(10.0, difference->value) - 1);
  return difference;
}

Result<BdValue> bd_quality(const RdCurve& anchor, const RdCurve& test, Interpolation interpolation) {
  Result<Samples> a = prepare(anchor, "the anchor's");
  if (!a) return a.error();
  Result<Samples> t = prepare(test, "the tested");
  if (!t) return t.error();
  std::swap(a->x, a->y);
  std::swap(t->x, t->y);
  return average_difference(*a, *t, interpolation);
}

}  // namespace compass::eval
