// For tests only: LIFF's pixel weights as the paper writes them, unfactored: per target pixel the whole MLP
// on [features; offset; token], its 27*g0 outputs as weights over the 9*g0 features.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "core/tensor.h"
#include "model_file/liff_grid.h"
#include "model_file/weights.h"

namespace compass {

inline std::vector<double> plain_dense(const ConvWeights& layer, const std::vector<double>& in, bool relu) {
  const std::vector<float> weight = layer.weight.floats();
  std::vector<double> out(layer.out);
  for (int o = 0; o < layer.out; ++o) {
    double sum = layer.bias[o];
    for (int i = 0; i < layer.in; ++i) sum += weight[static_cast<size_t>(o) * layer.in + i] * in[i];
    out[o] = relu ? std::max(sum, 0.0) : sum;
  }
  return out;
}

inline std::array<float, 3> plain_liff_pixel(const LiffWeights& weights, const Tensor& features,
                                             const GridAxis& rows, const GridAxis& cols, float token_y,
                                             float token_x, int y, int x) {
  std::vector<double> row;
  for (int c = 0; c < features.channels; ++c) {
    for (int ky = -1; ky <= 1; ++ky) {
      for (int kx = -1; kx <= 1; ++kx) {
        const int sy = rows.source[y] + ky;
        const int sx = cols.source[x] + kx;
        const bool inside = sy >= 0 && sy < features.height && sx >= 0 && sx < features.width;
        row.push_back(inside ? features.at(c, sy, sx) : 0.0);
      }
    }
  }
  const std::vector<double> q = row;
  for (const float extra : {rows.relative[y], cols.relative[x], token_y, token_x}) row.push_back(extra);
  for (size_t i = 0; i < weights.mlp.size(); ++i) {
    row = plain_dense(weights.mlp[i], row, i + 1 < weights.mlp.size());
  }
  std::array<float, 3> out;
  for (int c = 0; c < 3; ++c) {
    double sum = 0.0;
    for (size_t i = 0; i < q.size(); ++i) sum += q[i] * row[i * 3 + c];
    out[c] = static_cast<float>(sum);
  }
  return out;
}

}  // namespace compass
