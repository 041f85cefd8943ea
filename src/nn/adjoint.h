// The way back through a synthesis network: from the gradient of a sum over its output's samples to that of
// its input's. Every op's adjoint is an op of the same kinds, so that the way back is a Network, too.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "graph/op.h"

namespace compass::nn {

// Ops and weights of a network of Role::kAdjoint. A residual block's activation stands for a product with
// the slope that the activation had in the forward run (Trace).
struct Adjoint {
  std::vector<Op> ops;
  std::vector<OpWeights> weights;
};

// The adjoint of a synthesis network with respect to its first input; what conditions it is a constant.
// Nothing if it has an op whose adjoint is not known here: GDN, transposed convolutions, convolutions with
// activations.
std::optional<Adjoint> adjoint_of(std::span<const Op> ops, std::span<const OpWeights> weights);

}  // namespace compass::nn
