// The backward pass through a synthesis network: from the gradient of a scalar with respect to the network's
// output [3,H,W] to the gradient with respect to its input y_hat [M,h,w]. What takes a gradient back through
// an op is an op of the same kinds, so that the backward pass is a Network, too.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "graph/op.h"

namespace compass::nn {

// Ops and weights of a network of Role::kBackward. Where the forward pass applied a residual block's
// activation, the backward pass multiplies by the slope that the activation had there (SavedActivations).
struct BackwardOps {
  std::vector<Op> ops;
  std::vector<OpWeights> weights;
};

// The backward pass through the synthesis network of these ops and weights. The prediction that conditions a
// network is a constant. Nothing if there is an op whose backward pass is not known here: GDN, transposed
// convolutions, convolutions with activations.
std::optional<BackwardOps> make_backward_ops(std::span<const Op> ops, std::span<const OpWeights> weights);

}  // namespace compass::nn
