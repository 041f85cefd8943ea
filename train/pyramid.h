// Antialiased bicubic resampling as matrix products, differentiable, on any device.
#pragma once

#include <torch/torch.h>

namespace compass::train {

// The [out,in] matrix of PIL's bicubic filter (Keys, a = -0.5, support stretched when shrinking).
torch::Tensor bicubic_matrix(int64_t in, int64_t out, const torch::Device& device);

// [B,C,H,W] -> [B,C,height,width].
torch::Tensor resize_bicubic(const torch::Tensor& x, int64_t height, int64_t width);

}  // namespace compass::train
