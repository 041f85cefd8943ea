// The order of maps in memory.
#pragma once

#include <torch/torch.h>

namespace compass::train {

// [B,C,H,W] with a pixel's channels side by side, as kernels on CPUs want it; a copy only if it is not so
// yet.
inline torch::Tensor channels_last(const torch::Tensor& map) {
  return map.contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace compass::train
