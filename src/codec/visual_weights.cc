#include "codec/visual_weights.h"

#include <algorithm>
#include <cmath>

namespace compass {
namespace {

constexpr double kStrength = 1.2;
constexpr double kFloor = 10.0;  // standard deviation of luma below which nothing is calmer
const double kLogLimit = std::log(4.0);
constexpr double kMapShare = 0.5;
constexpr int kMapStep = 3;  // of quality

// Rows of cells that are read at once.
constexpr int kBandCells = 32;

Size cells_of(Size layer) {
  return {(layer.width + kVisualCell - 1) / kVisualCell, (layer.height + kVisualCell - 1) / kVisualCell};
}

// The variance of luma, 0..255 (BT.601's weights), in the part `cell` of a map [3,h,w].
double variance(const Tensor& map, Rect cell) {
  double sum = 0.0, squares = 0.0;
  for (int y = cell.y; y < cell.y + cell.height; ++y) {
    const float* p = map.pixel(y, cell.x);
    for (int x = 0; x < cell.width; ++x, p += 3) {
      const double luma = 255.0 * (0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]);
      sum += luma;
      squares += luma * luma;
    }
  }
  const auto count = static_cast<double>(cell.size().pixels());
  return std::max(0.0, squares / count - sum / count * sum / count);
}

std::vector<double> variances_of(const Original& picture, Size layer, ThreadPool& pool) {
  const Size cells = cells_of(layer);
  std::vector<double> variances(static_cast<size_t>(cells.pixels()));
  Tensor map;
  for (int first = 0; first < cells.height; first += kBandCells) {
    const int rows = std::min(kBandCells, cells.height - first), top = first * kVisualCell;
    picture.read(layer, {0, top, layer.width, std::min(rows * kVisualCell, layer.height - top)}, pool, map);
    pool.parallel_for(rows, [&](int row, int /*worker*/) {
      for (int column = 0; column < cells.width; ++column) {
        const int x = column * kVisualCell, y = row * kVisualCell;
        const Rect cell{x, y, std::min(kVisualCell, layer.width - x), std::min(kVisualCell, map.height - y)};
        variances[static_cast<size_t>(first + row) * cells.width + column] = variance(map, cell);
      }
    });
  }
  return variances;
}

// Each value averaged with its neighbours along an axis, 1 2 1, those beyond the ends being the last ones.
void smooth(std::vector<double>& values, Size size, bool down) {
  const std::vector<double> before = values;
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      const auto at = [&](int step) {
        const int row = down ? std::clamp(y + step, 0, size.height - 1) : y;
        const int column = down ? x : std::clamp(x + step, 0, size.width - 1);
        return before[static_cast<size_t>(row) * size.width + column];
      };
      values[static_cast<size_t>(y) * size.width + x] = (at(-1) + 2.0 * at(0) + at(1)) / 4.0;
    }
  }
}

}  // namespace

VisualWeights::VisualWeights(const Original& picture, Size layer, ThreadPool& pool)
    : VisualWeights(layer, variances_of(picture, layer, pool)) {}

VisualWeights::VisualWeights(Size layer, std::span<const double> variances)
    : layer_(layer), cells_(cells_of(layer)) {
  std::vector<double> logs;
  logs.reserve(variances.size());
  for (const double v : variances) logs.push_back(0.5 * std::log(v + kFloor * kFloor));
  smooth(logs, cells_, false);
  smooth(logs, cells_, true);
  double mean = 0.0;
  for (const double l : logs) mean += l / static_cast<double>(logs.size());
  weights_.reserve(logs.size());
  for (const double l : logs) {
    weights_.push_back(
        static_cast<float>(std::exp(std::clamp(-kStrength * (l - mean), -kLogLimit, kLogLimit))));
  }
}

float VisualWeights::mean(Rect pixels) const {
  const int left = pixels.x / kVisualCell, top = pixels.y / kVisualCell;
  const int right = std::min((pixels.x + pixels.width - 1) / kVisualCell, cells_.width - 1);
  const int bottom = std::min((pixels.y + pixels.height - 1) / kVisualCell, cells_.height - 1);
  float sum = 0.0F;
  for (int y = top; y <= bottom; ++y) {
    for (int x = left; x <= right; ++x) sum += weights_[static_cast<size_t>(y) * cells_.width + x];
  }
  return sum / static_cast<float>((right - left + 1) * (bottom - top + 1));
}

QualityMap VisualWeights::quality_map(const QualityMap& wish, double doubling) const {
  const Size squares = quality_squares(layer_);
  constexpr int kCells = kQualitySquare / kVisualCell;
  QualityMap map = wish;
  map.offsets.resize(static_cast<size_t>(squares.pixels()));
  for (int row = 0; row < squares.height; ++row) {
    for (int column = 0; column < squares.width; ++column) {
      double sum = 0.0;
      int count = 0;
      for (int y = row * kCells; y < std::min((row + 1) * kCells, cells_.height); ++y) {
        for (int x = column * kCells; x < std::min((column + 1) * kCells, cells_.width); ++x, ++count) {
          sum += std::log2(weights_[static_cast<size_t>(y) * cells_.width + x]);
        }
      }
      const double wanted = kMapShare * doubling * sum / count;
      int8_t& offset = map.offsets[static_cast<size_t>(row) * squares.width + column];
      const int both = offset + kMapStep * static_cast<int>(std::lround(wanted / kMapStep));
      offset = static_cast<int8_t>(std::clamp(both, -kMaxQualityOffset, kMaxQualityOffset));
    }
  }
  if (std::ranges::all_of(map.offsets, [](int8_t offset) { return offset == 0; })) map.offsets.clear();
  return map;
}

}  // namespace compass
