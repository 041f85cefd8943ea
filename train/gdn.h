// Generalised divisive normalisation (Balle, Laparra, Simoncelli, "Density modeling of images using a
// generalized normalization transformation", ICLR 2016).
#pragma once

#include <torch/torch.h>

namespace compass::train {

// x / sqrt(beta + gamma * x^2), or with `inverse` x times that root. x [B,C,H,W] float or bf16; gamma [C,C]
// and beta [C] as they take effect, of x's type. On CPUs the element-wise parts are two passes over memory
// each way, where autograd's own would take a dozen.
torch::Tensor gdn(const torch::Tensor& x, const torch::Tensor& gamma, const torch::Tensor& beta,
                  bool inverse);

// The same by its formula, for other devices and for tests.
torch::Tensor plain_gdn(const torch::Tensor& x, const torch::Tensor& gamma, const torch::Tensor& beta,
                        bool inverse);

}  // namespace compass::train
