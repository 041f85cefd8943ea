#include "eval/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace compass::eval {
namespace {

constexpr int kWindow = 11;
constexpr double kSigma = 1.5;
constexpr double kC1 = (0.01 * 255) * (0.01 * 255);
constexpr double kC2 = (0.03 * 255) * (0.03 * 255);
constexpr std::array<double, 5> kWeights{0.0448, 0.2856, 0.3001, 0.2363, 0.1333};

Status check_sizes(const Picture& a, const Picture& b) {
  if (a.size != b.size) {
    return Error{ErrorCode::kUsage, fmt::format("pictures differ in size: {}x{} and {}x{}", a.size.width,
                                                a.size.height, b.size.width, b.size.height)};
  }
  if (a.size.width < 1 || a.size.height < 1) return Error{ErrorCode::kUsage, "the pictures are empty"};
  return {};
}

// One colour channel in double precision: variances are differences of large squares.
struct Plane {
  int width = 0;
  int height = 0;
  std::vector<double> data;

  Plane(int w, int h) : width(w), height(h), data(static_cast<size_t>(w) * h) {}
  double* row(int y) { return data.data() + static_cast<size_t>(y) * width; }
  const double* row(int y) const { return data.data() + static_cast<size_t>(y) * width; }
};

Plane channel_of(const Picture& picture, int channel) {
  Plane plane(picture.size.width, picture.size.height);
  for (size_t i = 0; i < plane.data.size(); ++i) plane.data[i] = picture.rgb[i * 3 + channel];
  return plane;
}

std::array<double, kWindow> gaussian_window() {
  std::array<double, kWindow> window{};
  double sum = 0;
  for (int i = 0; i < kWindow; ++i) {
    const double d = i - kWindow / 2;
    window[i] = std::exp(-d * d / (2 * kSigma * kSigma));
    sum += window[i];
  }
  for (double& w : window) w /= sum;
  return window;
}

// Separable Gaussian at the positions where the window fits: [H,W] -> [H-10,W-10].
Plane blur(const Plane& in) {
  static const std::array<double, kWindow> kGaussian = gaussian_window();
  Plane across(in.width - kWindow + 1, in.height);
  for (int y = 0; y < in.height; ++y) {
    double* out = across.row(y);
    for (int k = 0; k < kWindow; ++k) {
      const double* source = in.row(y) + k;
      for (int x = 0; x < across.width; ++x) out[x] += kGaussian[k] * source[x];
    }
  }
  Plane down(across.width, in.height - kWindow + 1);
  for (int y = 0; y < down.height; ++y) {
    double* out = down.row(y);
    for (int k = 0; k < kWindow; ++k) {
      const double* source = across.row(y + k);
      for (int x = 0; x < down.width; ++x) out[x] += kGaussian[k] * source[x];
    }
  }
  return down;
}

Plane product(const Plane& a, const Plane& b) {
  Plane out(a.width, a.height);
  for (size_t i = 0; i < out.data.size(); ++i) out.data[i] = a.data[i] * b.data[i];
  return out;
}

// Means over one scale: of SSIM, and of its contrast-structure part alone.
struct Similarity {
  double ssim = 0;
  double contrast_structure = 0;
};

Similarity similarity(const Plane& a, const Plane& b) {
  const Plane mean_a = blur(a);
  const Plane mean_b = blur(b);
  const Plane square_a = blur(product(a, a));
  const Plane square_b = blur(product(b, b));
  const Plane cross = blur(product(a, b));
  Similarity sum;
  for (size_t i = 0; i < mean_a.data.size(); ++i) {
    const double ma = mean_a.data[i];
    const double mb = mean_b.data[i];
    const double var_a = square_a.data[i] - ma * ma;
    const double var_b = square_b.data[i] - mb * mb;
    const double covariance = cross.data[i] - ma * mb;
    const double cs = (2 * covariance + kC2) / (var_a + var_b + kC2);
    sum.contrast_structure += cs;
    sum.ssim += cs * (2 * ma * mb + kC1) / (ma * ma + mb * mb + kC1);
  }
  const auto count = static_cast<double>(mean_a.data.size());
  return {sum.ssim / count, sum.contrast_structure / count};
}

// 2x2 means. An odd side has a zero row or column put in front, counted in the mean, as torch's
// avg_pool2d(kernel 2, padding 1) does (its trailing zero row is never reached).
Plane halve(const Plane& in) {
  const int pad_x = in.width % 2;
  const int pad_y = in.height % 2;
  Plane out((in.width + pad_x) / 2, (in.height + pad_y) / 2);
  for (int y = 0; y < out.height; ++y) {
    for (int dy = 0; dy < 2; ++dy) {
      const int sy = 2 * y + dy - pad_y;
      if (sy < 0) continue;
      for (int x = 0; x < out.width; ++x) {
        for (int dx = 0; dx < 2; ++dx) {
          const int sx = 2 * x + dx - pad_x;
          if (sx >= 0) out.row(y)[x] += 0.25 * in.row(sy)[sx];
        }
      }
    }
  }
  return out;
}

double channel_ms_ssim(Plane a, Plane b) {
  double result = 1;
  for (size_t scale = 0; scale < kWeights.size(); ++scale) {
    const bool last = scale + 1 == kWeights.size();
    const Similarity s = similarity(a, b);
    result *= std::pow(std::max(0.0, last ? s.ssim : s.contrast_structure), kWeights[scale]);
    if (!last) {
      a = halve(a);
      b = halve(b);
    }
  }
  return result;
}

}  // namespace

Result<double> psnr(const Picture& a, const Picture& b) {
  if (Status status = check_sizes(a, b); !status) return status.error();
  // 8-bit differences squared fit an exact 64-bit sum for any picture that fits memory.
  uint64_t sum = 0;
  for (size_t i = 0; i < a.rgb.size(); ++i) {
    const int d = static_cast<int>(a.rgb[i]) - static_cast<int>(b.rgb[i]);
    sum += static_cast<uint64_t>(d * d);
  }
  if (sum == 0) return std::numeric_limits<double>::infinity();
  const double mse = static_cast<double>(sum) / static_cast<double>(a.rgb.size());
  return 10 * std::log10(255.0 * 255.0 / mse);
}

Result<double> ms_ssim(const Picture& a, const Picture& b) {
  if (Status status = check_sizes(a, b); !status) return status.error();
  if (std::min(a.size.width, a.size.height) <= kMsSsimMinSide) {
    return Error{ErrorCode::kUsage,
                 fmt::format("MS-SSIM needs both sides above {} pixels; the picture is {}x{}", kMsSsimMinSide,
                             a.size.width, a.size.height)};
  }
  double sum = 0;
  for (int c = 0; c < 3; ++c) sum += channel_ms_ssim(channel_of(a, c), channel_of(b, c));
  return sum / 3;
}

double ms_ssim_db(double ms_ssim) {
  return -10 * std::log10(1 - ms_ssim);
}

}  // namespace compass::eval
