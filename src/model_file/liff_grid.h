// Where LIFF's target pixels lie among the source pixels, along one axis. LIIF asks for the nearest source
// pixels of a target pixel's four corners, as it calls them: half a source pixel from it each way.
#pragma once

#include <vector>

#include "model_file/description.h"

namespace compass {

struct GridAxis {
  std::vector<int> source;      // nearest source sample of target samples first, first + 1, ...
  std::vector<float> relative;  // 2 * (distance of the target to that sample's centre, in source samples)
};

// From where the nearest source sample is looked for: the target's centre, or half a source sample beside it.
enum class GridShift { kBefore = -1, kNone = 0, kAfter = 1 };

// Target samples [first, first + count) of `targets` over `sources` samples; targets >= sources >= 1. With
// kAfter a source is the one with kBefore or the next.
GridAxis grid_axis(NearestRule rule, int sources, int targets, int first, int count,
                   GridShift shift = GridShift::kNone);

}  // namespace compass
