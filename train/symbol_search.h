// The encoder's search for better symbols (docs/search.md, src/codec/symbol_search.h) in training form: so
// that networks learn from the symbols that they will have to decode.
#pragma once

#include <torch/torch.h>

#include <functional>

namespace compass::train {

using torch::Tensor;

// What a search wants of a codec's reconstruction.
struct SearchAim {
  int64_t rounds = 0;  // 0: no search
  Tensor wanted;       // [B,3,H,W]
  Tensor lambda;       // [B]: bits per pixel that a squared error of 1 in 8-bit samples is worth
  std::function<Tensor(const Tensor& x_hat)> correction;  // what will be added to x_hat; may be empty
};

// By how much to move y's symbols [B,M,h,w], integers. `symbols` are rounded y less `means`; `scales` are
// their Gaussians'. Leaves no gradients behind.
Tensor search_symbols(const Tensor& symbols, const Tensor& means, const Tensor& scales, const SearchAim& aim,
                      const std::function<Tensor(const Tensor& y_hat)>& synthesise,
                      const at::Generator& generator);

}  // namespace compass::train
