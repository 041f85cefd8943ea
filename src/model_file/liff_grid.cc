#include "model_file/liff_grid.h"

#include <algorithm>
#include <cmath>

namespace compass {
namespace {

// floor((2i+1)*m / (2n)): the source sample whose interval holds target sample i's centre; exact in integers.
// With a shift of s half source samples floor(((2i+1)*m + s*n) / (2n)), or the first or last sample.
void integer_rule(int m, int n, int first, int64_t shift, GridAxis& axis) {
  for (size_t k = 0; k < axis.source.size(); ++k) {
    const int64_t centre = 2 * (first + static_cast<int64_t>(k)) + 1;  // in units of 1/(2n)
    const int64_t from = std::max<int64_t>(centre * m + shift * n, 0);
    const int64_t source = std::min<int64_t>(from / (2 * static_cast<int64_t>(n)), m - 1);
    axis.source[k] = static_cast<int>(source);
    axis.relative[k] =
        static_cast<float>(static_cast<double>(centre) * m / n - static_cast<double>(2 * source + 1));
  }
}

// The authors' arithmetic, in float32 and in their order: centres in [-1,1], the nearest neighbour by
// rounding half to even, then the offset from the source sample's centre, times the source's extent. The
// shift is as LIIF's authors have it, who add 1e-6.
void reference_rule(int m, int n, int first, int shift, GridAxis& axis) {
  const auto centre = [](int i, int count) {
    const auto start = static_cast<float>(-1.0 + 1.0 / count);
    const auto stride = static_cast<float>(2.0 / count);
    return start + stride * static_cast<float>(i);
  };
  constexpr float kEdge = 1.0F - 1e-6F;
  const float by = shift == 0 ? 0.0F : static_cast<float>(shift) / static_cast<float>(m) + 1e-6F;
  for (size_t k = 0; k < axis.source.size(); ++k) {
    const float c = centre(first + static_cast<int>(k), n);
    const float clamped = std::clamp(c + by, -kEdge, kEdge);
    const float position = (clamped + 1.0F) * (static_cast<float>(m) / 2.0F) - 0.5F;
    const int source = std::clamp(static_cast<int>(std::nearbyint(position)), 0, m - 1);
    axis.source[k] = source;
    axis.relative[k] = (c - centre(source, m)) * static_cast<float>(m);
  }
}

}  // namespace

GridAxis grid_axis(NearestRule rule, int sources, int targets, int first, int count, GridShift shift) {
  GridAxis axis;
  axis.source.resize(count);
  axis.relative.resize(count);
  if (rule == NearestRule::kInteger) {
    integer_rule(sources, targets, first, static_cast<int>(shift), axis);
  } else {
    reference_rule(sources, targets, first, static_cast<int>(shift), axis);
  }
  return axis;
}

}  // namespace compass
