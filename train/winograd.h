// 3x3 convolutions of the trainer by Winograd's minimal filtering F(4x4, 3x3), after A. Lavin and S. Gray,
// "Fast algorithms for convolutional neural networks" (CVPR 2016): 6x6 input pixels make 4x4 outputs with 36
// multiplications for each pair of channels instead of 144. The polynomials' points are those of
// src/graph/winograd_points.h. In f32, channels last, on one thread.
#pragma once

#include <torch/torch.h>

namespace compass::train {

// x [B,I,H,W] with weight [O,I,3,3], zeros around the map; bias [O] may be undefined.
torch::Tensor winograd(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);

// The gradients of x and of the weights [O,I,3,3] when `grad` [B,O,H,W] is that of the result.
torch::Tensor winograd_to_map(const torch::Tensor& grad, const torch::Tensor& weight);
torch::Tensor winograd_to_weight(const torch::Tensor& x, const torch::Tensor& grad);

}  // namespace compass::train
