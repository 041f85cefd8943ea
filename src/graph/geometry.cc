#include "graph/geometry.h"

namespace compass::nn {
namespace {

// An aligning layer of the analysis network that the synthesis network has yet to undo.
struct Level {
  int extent;  // before padding
  int factor;  // what remains of the layer's down-sampling; 1: it only padded
};

std::vector<Level> levels_of(std::span<const Layer> analysis, std::span<const int> extents) {
  std::vector<Level> levels;
  for (size_t i = 0; i < analysis.size(); ++i) {
    if (analysis[i].align > 1) levels.push_back({extents[i], analysis[i].down()});
  }
  return levels;
}

// Pops what `layer` undoes. Returns the extent after its crop, `extent` if it does not crop, 0 if the factors
// do not fit together.
int undo(const Layer& layer, std::vector<Level>& levels, int extent) {
  int factor = layer.up();
  if (factor == 1) {
    if (layer.align == 1) return extent;
    if (levels.empty() || levels.back().factor != 1) return 0;
    extent = levels.back().extent;
    levels.pop_back();
    return extent;
  }
  while (factor > 1) {
    if (levels.empty()) return 0;
    Level& top = levels.back();
    if (factor % top.factor == 0) {
      factor /= top.factor;
      extent = top.extent;
      levels.pop_back();
    } else if (top.factor % factor == 0) {
      top.factor /= factor;
      extent = ceil_div(top.extent, top.factor);
      factor = 1;
    } else {
      return 0;
    }
  }
  return extent;
}

}  // namespace

int down_factor(std::span<const Layer> layers) {
  int product = 1;
  for (const Layer& layer : layers) product *= layer.down();
  return product;
}

int up_factor(std::span<const Layer> layers) {
  int product = 1;
  for (const Layer& layer : layers) product *= layer.up();
  return product;
}

std::vector<int> analysis_extents(std::span<const Layer> analysis, int n) {
  std::vector<int> extents{n};
  for (const Layer& layer : analysis) {
    extents.push_back(round_up(extents.back(), layer.align) / layer.down());
  }
  return extents;
}

std::vector<int> synthesis_extents(std::span<const Layer> analysis, std::span<const Layer> synthesis, int n) {
  const std::vector<int> mirror = analysis_extents(analysis, n);
  std::vector<Level> levels = levels_of(analysis, mirror);
  std::vector<int> extents{mirror.back()};
  for (const Layer& layer : synthesis) extents.push_back(undo(layer, levels, extents.back()));
  return extents;
}

Status check_mirror(std::span<const Layer> analysis, std::span<const Layer> synthesis) {
  std::vector<Level> levels = levels_of(analysis, analysis_extents(analysis, 1));
  for (size_t i = 0; i < synthesis.size(); ++i) {
    if (undo(synthesis[i], levels, 1) == 0) {
      return Error{ErrorCode::kModel, "layer " + std::to_string(i) +
                                          " does not mirror an aligning layer of the analysis network"};
    }
  }
  if (!levels.empty()) {
    return Error{ErrorCode::kModel, "the analysis network's padding is not undone by the synthesis network"};
  }
  return {};
}

Size analysis_size(std::span<const Layer> analysis, Size in) {
  return {analysis_extents(analysis, in.width).back(), analysis_extents(analysis, in.height).back()};
}

}  // namespace compass::nn
