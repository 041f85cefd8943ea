// Sizes of feature maps. Every size follows from the picture's (H, W) alone, one axis at a time. Before an
// aligning op of an analysis network, a map is padded at its start (top, left) to a multiple of the op's
// `align`. After the op of the synthesis network that mirrors it, as many samples are dropped there
// (docs/model_format.md, "Sizes").
#pragma once

#include <span>
#include <vector>

#include "core/result.h"
#include "core/size.h"
#include "graph/op.h"

namespace compass::nn {

inline int ceil_div(int a, int b) {
  return (a + b - 1) / b;
}
inline int round_up(int a, int multiple) {
  return ceil_div(a, multiple) * multiple;
}

// Product of the ops' down() and up() factors.
int down_factor(std::span<const Op> ops);
int up_factor(std::span<const Op> ops);

// Extents along one axis of an analysis network's maps for an input of n samples: entry i is the input of
// op i before padding, the last entry is the output.
std::vector<int> analysis_extents(std::span<const Op> analysis, int n);

// The same for the synthesis network that mirrors `analysis`, n being the *analysis* network's input: entry i
// is the input of op i, the last entry equals n. Requires check_mirror to have passed.
std::vector<int> synthesis_extents(std::span<const Op> analysis, std::span<const Op> synthesis, int n);

// Whether every padding of `analysis` has its crop in `synthesis`. Error: kModel, without the networks'
// names.
Status check_mirror(std::span<const Op> analysis, std::span<const Op> synthesis);

// Output size of an analysis network for an input of size `in`.
Size analysis_size(std::span<const Op> analysis, Size in);

}  // namespace compass::nn
