// A training set cut into fixed patches, as the paper's supplement has it: squares side by side, each once an
// epoch.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "dataset.h"

namespace compass::train {

class PatchGrid {
 public:
  // Squares of `size` pixels a side from each picture's top left on; what is left at the right and the bottom
  // is not used. `pictures` must outlive the object.
  PatchGrid(const std::vector<Picture>& pictures, int64_t size);

  int64_t count() const { return first_.back(); }
  // Patch i of [0, count()): [3,size,size] in [0,1].
  torch::Tensor patch(int64_t i) const;

  // Places first, first+1, ... of an endless sequence: [count,3,size,size]. Places e*count() to
  // (e+1)*count()-1 are epoch e: every patch once, in an order that follows from `seed` and e.
  torch::Tensor patches(int64_t first, int64_t count, uint64_t seed) const;

 private:
  const std::vector<Picture>& pictures_;
  int64_t size_;
  std::vector<int64_t> first_{0};  // patches of the pictures before picture p; the last entry is all of them
};

// Where place i of [0, count) goes in an order of count things that follows from `seed`: a permutation that
// is computed place by place, so that a run can go on anywhere. count in 1..2^62.
int64_t shuffled(int64_t i, int64_t count, uint64_t seed);

}  // namespace compass::train
