#include "graph/geometry.h"

namespace compass::nn {
namespace {

// An aligning op of the analysis network that the synthesis network has yet to undo.
struct Level {
  int extent;  // before padding
  int factor;  // what remains of the op's down-sampling; 1: it only padded
};

std::vector<Level> levels_of(std::span<const Op> analysis, std::span<const int> extents) {
  std::vector<Level> levels;
  for (size_t i = 0; i < analysis.size(); ++i) {
    if (analysis[i].align > 1) levels.push_back({extents[i], analysis[i].down()});
  }
  return levels;
}

// Takes off `levels` what `op` undoes. Returns the extent after the op's crop, `extent` if it does not crop,
// 0 if it undoes nothing that is there.
int undo(const Op& op, std::vector<Level>& levels, int extent) {
  int factor = op.up();
  if (factor == 1) {
    if (op.align == 1) return extent;
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

int down_factor(std::span<const Op> ops) {
  int product = 1;
  for (const Op& op : ops) product *= op.down();
  return product;
}

int up_factor(std::span<const Op> ops) {
  int product = 1;
  for (const Op& op : ops) product *= op.up();
  return product;
}

std::vector<int> analysis_extents(std::span<const Op> analysis, int n) {
  std::vector<int> extents{n};
  for (const Op& op : analysis) {
    extents.push_back(round_up(extents.back(), op.align) / op.down());
  }
  return extents;
}

std::vector<int> synthesis_extents(std::span<const Op> analysis, std::span<const Op> synthesis, int n) {
  const std::vector<int> mirror = analysis_extents(analysis, n);
  std::vector<Level> levels = levels_of(analysis, mirror);
  std::vector<int> extents{mirror.back()};
  for (const Op& op : synthesis) extents.push_back(undo(op, levels, extents.back()));
  return extents;
}

Status check_mirror(std::span<const Op> analysis, std::span<const Op> synthesis) {
  std::vector<Level> levels = levels_of(analysis, analysis_extents(analysis, 1));
  for (size_t i = 0; i < synthesis.size(); ++i) {
    if (undo(synthesis[i], levels, 1) == 0) {
      return Error{ErrorCode::kModel,
                   "op " + std::to_string(i) + " does not mirror an aligning op of the analysis network"};
    }
  }
  if (!levels.empty()) {
    return Error{ErrorCode::kModel, "the analysis network's padding is not undone by the synthesis network"};
  }
  return {};
}

Size analysis_size(std::span<const Op> analysis, Size in) {
  return {analysis_extents(analysis, in.width).back(), analysis_extents(analysis, in.height).back()};
}

}  // namespace compass::nn
