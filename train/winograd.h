// 3x3 convolutions of the trainer by Winograd's minimal filtering F(2x2, 3x3); the runtime's is
// src/nn/winograd.h, which says more. In f32, channels last, on one thread.
#pragma once

#include <torch/torch.h>

namespace compass::train {

// x [B,I,H,W] with weight [O,I,3,3], zeros around the map; bias [O] may be undefined.
torch::Tensor winograd(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);

// The gradient of the weights [O,I,3,3] when `grad` [B,O,H,W] is that of the result. (That of x is a
// convolution of `grad` itself.)
torch::Tensor winograd_to_weight(const torch::Tensor& x, const torch::Tensor& grad);

}  // namespace compass::train
