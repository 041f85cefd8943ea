// Convolutions, by whatever is fastest on the machine.
#pragma once

#include <torch/torch.h>

namespace compass::train {

// LibTorch's convolution with odd kernels, zeros around the map and, on processors without AVX-512, the way
// below in f32. x [B,I,H,W], weight [O,I,k,k], bias [O] or undefined.
torch::Tensor convolve(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                       int64_t stride);

// The same as matrix products (im2col), some hundred pixels at a time so that their columns stay in the
// cache. f32 on a CPU. There BLAS reaches 70 to 85 % of an AVX2 core's peak both ways, where oneDNN 2.6's
// direct kernels for maps in channels-last order reach 40 to 65 % forward and 20 to 50 % in the gradients of
// kernels.
torch::Tensor convolve_by_products(const torch::Tensor& x, const torch::Tensor& weight,
                                   const torch::Tensor& bias, int64_t stride);

// 3x3 and stride 1 by Winograd's way (train/winograd.h), four times fewer multiplications.
torch::Tensor convolve_by_winograd(const torch::Tensor& x, const torch::Tensor& weight,
                                   const torch::Tensor& bias);

}  // namespace compass::train
