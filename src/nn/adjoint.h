// The way back through a synthesis network: from the gradient of a sum over its output's samples to that of
// its input's. Every layer's adjoint is a layer of the same kinds, so that the way back is a Network, too.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "graph/layer.h"

namespace compass::nn {

// Layers and weights of a network of Role::kAdjoint. A residual block's activation stands for a product with
// the slope that the activation had in the forward run (Trace).
struct Adjoint {
  std::vector<Layer> layers;
  std::vector<LayerWeights> weights;
};

// The adjoint of a synthesis network with respect to its first input; what conditions it is a constant.
// Nothing if it has a layer whose adjoint is not known here: GDN, transposed convolutions, convolutions with
// activations.
std::optional<Adjoint> adjoint_of(std::span<const Layer> layers, std::span<const LayerWeights> weights);

}  // namespace compass::nn
