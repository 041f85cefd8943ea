#include "codec/quality_regions.h"

#include <algorithm>
#include <cmath>

#include "image/image.h"

namespace compass {
namespace {

// The square at (row, column) of a layer, in pixels.
Rect square_of(Size layer, int row, int column) {
  const int x = column * kQualitySquare;
  const int y = row * kQualitySquare;
  return {x, y, std::min(kQualitySquare, layer.width - x), std::min(kQualitySquare, layer.height - y)};
}

// Both sides multiplied by the other rectangle's full size, so that parts of layers of different sizes can be
// compared in whole numbers.
struct Scaled {
  int64_t left, top, right, bottom;
};
Scaled scaled(Rect r, Size by) {
  return {int64_t{r.x} * by.width, int64_t{r.y} * by.height, (int64_t{r.x} + r.width) * by.width,
          (int64_t{r.y} + r.height) * by.height};
}
bool overlap(const Scaled& a, const Scaled& b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
bool inside(const Scaled& a, const Scaled& b) {
  return a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom;
}

// A part of a mask's row or column, in its samples; the first and the last one may be in it partly.
struct Stretch {
  double begin, end;
  double share(int i) const { return std::min(end, i + 1.0) - std::max(begin, static_cast<double>(i)); }
};
// What of a mask `count` pixels from `first` on lie under.
Stretch stretch_of(int first, int count, int pixels, int samples) {
  const double scale = static_cast<double>(samples) / pixels;
  return {first * scale, std::min((first + count) * scale, static_cast<double>(samples))};
}

// The map that `offset_of(square)` gives, or none if it is 0 everywhere.
template <typename Offset>
QualityMap make_map(Size layer, const Offset& offset_of) {
  const Size squares = quality_squares(layer);
  QualityMap map;
  for (int row = 0; row < squares.height; ++row) {
    for (int column = 0; column < squares.width; ++column) {
      map.offsets.push_back(static_cast<int8_t>(offset_of(row, column)));
    }
  }
  if (std::ranges::all_of(map.offsets, [](int8_t offset) { return offset == 0; })) map.offsets.clear();
  return map;
}

}  // namespace

QualityMap map_of_regions(std::span<const QualityRegion> regions, Size layer, Size full) {
  return make_map(layer, [&](int row, int column) {
    const Scaled square = scaled(square_of(layer, row, column), full);
    int better = 0;
    int worse = 0;
    for (const QualityRegion& region : regions) {
      const Scaled part = scaled(region.part, layer);
      if (region.offset > 0 && overlap(square, part)) better = std::max(better, region.offset);
      if (region.offset < 0 && inside(square, part)) worse = std::min(worse, region.offset);
    }
    return better > 0 ? better : worse;
  });
}

QualityMap map_of_mask(PlaneView mask, Size layer) {
  const Size size = mask.size;
  return make_map(layer, [&](int row, int column) {
    const Rect square = square_of(layer, row, column);
    const Stretch rows = stretch_of(square.y, square.height, layer.height, size.height);
    const Stretch columns = stretch_of(square.x, square.width, layer.width, size.width);
    double sum = 0.0;
    for (int y = static_cast<int>(rows.begin); y < rows.end; ++y) {
      for (int x = static_cast<int>(columns.begin); x < columns.end; ++x) {
        sum += rows.share(y) * columns.share(x) * static_cast<double>(samples_of_bytes()[mask.row(y)[x]]);
      }
    }
    const double mean = sum / ((rows.end - rows.begin) * (columns.end - columns.begin));
    return static_cast<int>(std::lround((std::clamp(mean, 0.0, 1.0) - 0.5) * 2.0 * kMaxQualityOffset));
  });
}

}  // namespace compass
