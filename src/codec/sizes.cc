// Which sizes a pyramid has.
#include <fmt/format.h>

#include <cmath>

#include "codec/encoder.h"

namespace compass {

Result<std::vector<Size>> sizes_from_scales(Size full, std::span<const double> scales) {
  std::vector<Size> sizes;
  double last = 0.0;
  for (const double scale : scales) {
    if (!(scale > 0.0 && scale <= 1.0)) {
      return Error{ErrorCode::kUsage,
                   fmt::format("scale {} is not in (0, 1]: scales are factors of the full size", scale)};
    }
    if (scale < last) {
      return Error{
          ErrorCode::kUsage,
          fmt::format("scale {} after {}: layers must not shrink, give the lowest first", scale, last)};
    }
    last = scale;
    const auto side = [scale](int pixels) { return std::max(1, static_cast<int>(scale * pixels)); };
    sizes.push_back({side(full.width), side(full.height)});
  }
  if (sizes.empty() || last != 1.0) {
    return Error{ErrorCode::kUsage, "the last scale must be 1: the top layer is the picture itself"};
  }
  return sizes;
}

std::vector<double> default_scales(int layers) {
  std::vector<double> scales;
  for (int k = layers - 1; k >= 0; --k) scales.push_back(std::ldexp(1.0, -k));
  return scales;
}

}  // namespace compass
