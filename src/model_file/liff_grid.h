// Where LIFF's target pixels lie among the source pixels, along one axis.
#pragma once

#include <vector>

#include "model_file/description.h"

namespace compass {

struct GridAxis {
  std::vector<int> source;      // nearest source sample of target samples first, first + 1, ...
  std::vector<float> relative;  // 2 * (distance to that sample's centre, in source samples)
};

// Target samples [first, first + count) of `targets` over `sources` samples; targets >= sources >= 1.
GridAxis grid_axis(NearestRule rule, int sources, int targets, int first, int count);

}  // namespace compass
