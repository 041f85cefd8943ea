// The encoder's search for better symbols (docs/search.md, src/codec/symbol_search.h) in training form. With
// it, networks are trained on the kind of symbols that they will decode.
#pragma once

#include <torch/torch.h>

#include <functional>

namespace compass::train {

using torch::Tensor;

// What a search minimises: lambda times the squared error against `wanted`, plus bits.
struct SearchAim {
  int64_t rounds = 0;  // 0: no search
  Tensor wanted;       // [B,3,H,W]
  Tensor lambda;       // [B]: bits per pixel that a squared error of 1 in 8-bit samples is worth
  std::function<Tensor(const Tensor& x_hat)> correction;  // what will be added to x_hat; may be empty
};

// The changes to y's symbols [B,M,h,w], integers. `symbols` are y less `means`, rounded; `scales` are those
// of their Gaussians. Adds nothing to parameters' gradients.
Tensor search_symbols(const Tensor& symbols, const Tensor& means, const Tensor& scales, const SearchAim& aim,
                      const std::function<Tensor(const Tensor& y_hat)>& synthesise,
                      const at::Generator& generator);

}  // namespace compass::train
