// For tests only: LIFF's pixel weights as the paper writes them, unfactored: per target pixel the whole MLP
// on [features; offset; token], its outputs as weights over the features: 27*g0 over 9*g0 (or 3*g0 over g0).
// And LIIF as its paper writes it: the whole MLP four times for a target pixel.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
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

// The 3x3 features around a source pixel, zeros outside: c*9 + ky*3 + kx. Those at it alone, if the MLP takes
// no more.
inline std::vector<double> plain_unfolded(const LiffWeights& weights, const Tensor& features, int y, int x) {
  const int reach = weights.mlp.front().in == features.channels + 4 ? 0 : 1;
  std::vector<double> row;
  for (int c = 0; c < features.channels; ++c) {
    for (int sy = y - reach; sy <= y + reach; ++sy) {
      for (int sx = x - reach; sx <= x + reach; ++sx) {
        const bool inside = sy >= 0 && sy < features.height && sx >= 0 && sx < features.width;
        row.push_back(inside ? features.at(c, sy, sx) : 0.0);
      }
    }
  }
  return row;
}

inline std::vector<double> plain_mlp(const LiffWeights& weights, std::vector<double> row) {
  for (size_t i = 0; i < weights.mlp.size(); ++i) {
    row = plain_dense(weights.mlp[i], row, i + 1 < weights.mlp.size());
  }
  return row;
}

inline std::array<float, 3> plain_liff_pixel(const LiffWeights& weights, const Tensor& features,
                                             const GridAxis& rows, const GridAxis& cols, float token_y,
                                             float token_x, int y, int x) {
  const std::vector<double> q = plain_unfolded(weights, features, rows.source[y], cols.source[x]);
  std::vector<double> row = q;
  for (const float extra : {rows.relative[y], cols.relative[x], token_y, token_x}) row.push_back(extra);
  row = plain_mlp(weights, std::move(row));
  std::array<float, 3> out;
  for (int c = 0; c < 3; ++c) {
    double sum = 0.0;
    for (size_t i = 0; i < q.size(); ++i) sum += q[i] * row[i * 3 + c];
    out[c] = static_cast<float>(sum);
  }
  return out;
}

// LIIF by the rule in integers, for target pixel (y, x) of a picture of size `target`.
inline std::array<float, 3> plain_liif_pixel(const LiffWeights& weights, const Tensor& features, Size target,
                                             int y, int x) {
  struct Axis {
    int sources;
    double position;  // of the target's centre, in source pixels; centres of those are at halves
    double token;
    Axis(int m, int n, int i) : sources(m), position((2.0 * i + 1) * m / (2.0 * n)), token(2.0 * m / n) {}
    int source(int side) const {  // half a source pixel before (0) or after (1)
      return std::clamp(static_cast<int>(std::floor(position + side - 0.5)), 0, sources - 1);
    }
    double offset(int side) const { return 2.0 * (position - source(side) - 0.5); }
  };
  const Axis down(features.height, target.height, y), across(features.width, target.width, x);
  std::array<double, 3> sum{};
  double areas = 0.0;
  for (const int v : {0, 1}) {
    for (const int h : {0, 1}) {
      std::vector<double> row = plain_unfolded(weights, features, down.source(v), across.source(h));
      for (const double extra : {down.offset(v), across.offset(h), down.token, across.token}) {
        row.push_back(extra);
      }
      const std::vector<double> colour = plain_mlp(weights, std::move(row));
      const double area = std::abs(down.offset(1 - v) * across.offset(1 - h)) + 1e-9;
      for (int c = 0; c < 3; ++c) sum[c] += area * colour[c];
      areas += area;
    }
  }
  std::array<float, 3> out;
  for (int c = 0; c < 3; ++c) out[c] = static_cast<float>(sum[c] / areas);
  return out;
}

}  // namespace compass
