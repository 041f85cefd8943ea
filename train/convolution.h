// Convolutions, by the method that is fastest on the machine.
#pragma once

#include <torch/torch.h>

namespace compass::train {

// A convolution with odd kernels and zeros around the map: LibTorch's, or, in f32 on processors without
// AVX-512, one of the two below. x [B,I,H,W], weight [O,I,k,k], bias [O] or undefined.
torch::Tensor convolve(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                       int64_t stride);

// The same as matrix products (im2col), some hundred pixels at a time so that their columns stay in the
// cache. f32 on a CPU. There BLAS reaches 70 to 85 % of an AVX2 core's peak, forward and backward, where
// oneDNN 2.6's direct kernels for maps in channels-last order reach 40 to 65 % forward and 20 to 50 % in the
// gradients of kernels.
torch::Tensor convolve_by_products(const torch::Tensor& x, const torch::Tensor& weight,
                                   const torch::Tensor& bias, int64_t stride);

// A 3x3 convolution of stride 1 by Winograd's algorithm (train/winograd.h), with a quarter of the
// multiplications.
torch::Tensor convolve_by_winograd(const torch::Tensor& x, const torch::Tensor& weight,
                                   const torch::Tensor& bias);

}  // namespace compass::train
