#include "image/psnr.h"

#include <cassert>
#include <cmath>
#include <limits>
#include <vector>

namespace compass {

double psnr(const Image& a, const Image& b) {
  assert(a.size() == b.size());
  std::vector<uint8_t> row_a(static_cast<size_t>(a.width()) * 3);
  std::vector<uint8_t> row_b(row_a.size());
  uint64_t squared = 0;
  for (int y = 0; y < a.height(); ++y) {
    to_rgb8(a, {0, y, a.width(), 1}, row_a);
    to_rgb8(b, {0, y, b.width(), 1}, row_b);
    for (size_t i = 0; i < row_a.size(); ++i) {
      const int difference = row_a[i] - row_b[i];
      squared += static_cast<uint64_t>(difference * difference);
    }
  }
  if (squared == 0) return std::numeric_limits<double>::infinity();
  const double mse = static_cast<double>(squared) / (3.0 * static_cast<double>(a.size().pixels()));
  return 10.0 * std::log10(255.0 * 255.0 / mse);
}

}  // namespace compass
