// For tests only: networks as docs/model_format.md words them, one op after the other, in doubles: whole
// maps, padding and cropping on their own, transposed convolutions by their definition.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "core/tensor.h"
#include "graph/geometry.h"
#include "graph/op.h"
#include "nn/rate_field.h"

namespace compass::nn {

inline Tensor plain_pad(const Tensor& x, int align) {
  const int h = round_up(x.height, align);
  const int w = round_up(x.width, align);
  Tensor out(x.channels, h, w);
  for (int y = 0; y < h; ++y) {
    for (int i = 0; i < w; ++i) {
      for (int c = 0; c < x.channels; ++c) {
        out.at(c, y, i) = x.at(c, std::max(0, y - (h - x.height)), std::max(0, i - (w - x.width)));
      }
    }
  }
  return out;
}

inline Tensor plain_crop(const Tensor& x, int height, int width) {
  Tensor out(x.channels, height, width);
  for (int y = 0; y < height; ++y) {
    for (int i = 0; i < width; ++i) {
      for (int c = 0; c < x.channels; ++c)
        out.at(c, y, i) = x.at(c, y + x.height - height, i + x.width - width);
    }
  }
  return out;
}

inline Tensor plain_act(Tensor x, Act act) {
  if (act == Act::kNone) return x;
  for (float& v : x.data) v = v > 0.0F ? v : act == Act::kRelu ? 0.0F : kLeakySlope * v;
  return x;
}

inline Tensor plain_conv(const Tensor& x, const std::vector<float>& weight, const std::vector<float>& bias,
                         int k, int stride) {
  const int out_channels = static_cast<int>(bias.size());
  Tensor out(out_channels, ceil_div(x.height, stride), ceil_div(x.width, stride));
  const int halo = (k - 1) / 2;
  for (int o = 0; o < out_channels; ++o) {
    for (int y = 0; y < out.height; ++y) {
      for (int i = 0; i < out.width; ++i) {
        double sum = bias[o];
        for (int c = 0; c < x.channels; ++c) {
          for (int ky = 0; ky < k; ++ky) {
            for (int kx = 0; kx < k; ++kx) {
              const int sy = y * stride + ky - halo;
              const int sx = i * stride + kx - halo;
              if (sy < 0 || sx < 0 || sy >= x.height || sx >= x.width) continue;
              sum +=
                  static_cast<double>(weight[((static_cast<size_t>(o) * x.channels + c) * k + ky) * k + kx]) *
                  x.at(c, sy, sx);
            }
          }
        }
        out.at(o, y, i) = static_cast<float>(sum);
      }
    }
  }
  return out;
}

inline Tensor plain_deconv(const Tensor& x, const std::vector<float>& weight,
                           const std::vector<float>& bias) {
  const int out_channels = static_cast<int>(bias.size());
  Tensor out(out_channels, 2 * x.height, 2 * x.width);
  for (int o = 0; o < out_channels; ++o) {
    for (int y = 0; y < out.height; ++y) {
      for (int i = 0; i < out.width; ++i) out.at(o, y, i) = bias[o];
    }
    for (int c = 0; c < x.channels; ++c) {
      for (int y = 0; y < x.height; ++y) {
        for (int i = 0; i < x.width; ++i) {
          for (int ky = 0; ky < 5; ++ky) {
            for (int kx = 0; kx < 5; ++kx) {
              const int ty = 2 * y + ky - 2;
              const int tx = 2 * i + kx - 2;
              if (ty < 0 || tx < 0 || ty >= out.height || tx >= out.width) continue;
              out.at(o, ty, tx) +=
                  weight[((static_cast<size_t>(c) * out_channels + o) * 5 + ky) * 5 + kx] * x.at(c, y, i);
            }
          }
        }
      }
    }
  }
  return out;
}

inline Tensor plain_shuffle(const Tensor& x, int r) {
  Tensor out(x.channels / (r * r), x.height * r, x.width * r);
  for (int c = 0; c < out.channels; ++c) {
    for (int y = 0; y < out.height; ++y) {
      for (int i = 0; i < out.width; ++i) out.at(c, y, i) = x.at((c * r + y % r) * r + i % r, y / r, i / r);
    }
  }
  return out;
}

inline Tensor plain_unshuffle(const Tensor& x, int r) {
  Tensor out(x.channels * r * r, x.height / r, x.width / r);
  for (int c = 0; c < x.channels; ++c) {
    for (int y = 0; y < x.height; ++y) {
      for (int i = 0; i < x.width; ++i) out.at((c * r + y % r) * r + i % r, y / r, i / r) = x.at(c, y, i);
    }
  }
  return out;
}

inline Tensor plain_sum(Tensor a, const Tensor& b) {
  for (size_t i = 0; i < a.size(); ++i) a.data[i] += b.data[i];
  return a;
}

inline Tensor plain_gdn(const Tensor& x, const OpWeights& w, bool inverse) {
  Tensor out = x;
  const int n = x.channels;
  for (int p = 0; p < x.height * x.width; ++p) {
    for (int i = 0; i < n; ++i) {
      double norm = w.beta[i];
      for (int j = 0; j < n; ++j) {
        const double v = x.data[static_cast<size_t>(p) * n + j];
        norm += w.gamma[static_cast<size_t>(i) * n + j] * v * v;
      }
      float& v = out.data[static_cast<size_t>(p) * n + i];
      v = static_cast<float>(inverse ? v * std::sqrt(norm) : v / std::sqrt(norm));
    }
  }
  return out;
}

// Integer arithmetic, as the model format words it.
inline Tensor plain_int_conv(const Tensor& x, const Op& op, const OpWeights& w) {
  const std::vector<float> weight = w.weight.floats();  // integers
  const int out_channels = static_cast<int>(w.int_bias.size());
  const int halo = (op.kernel - 1) / 2;
  Tensor out(out_channels, x.height, x.width);
  for (int o = 0; o < out_channels; ++o) {
    for (int y = 0; y < x.height; ++y) {
      for (int i = 0; i < x.width; ++i) {
        int32_t acc = w.int_bias[o];
        size_t at = static_cast<size_t>(o) * x.channels * op.kernel * op.kernel;
        for (int c = 0; c < x.channels; ++c) {
          for (int ky = -halo; ky <= halo; ++ky) {
            for (int kx = -halo; kx <= halo; ++kx, ++at) {
              if (y + ky < 0 || i + kx < 0 || y + ky >= x.height || i + kx >= x.width) continue;
              acc += static_cast<int32_t>(weight[at]) * static_cast<int32_t>(x.at(c, y + ky, i + kx));
            }
          }
        }
        const int32_t shift = w.int_shift[o];
        const int32_t half = shift > 0 ? 1 << (shift - 1) : 0;
        out.at(o, y, i) = static_cast<float>(std::clamp((acc + half) >> shift, 0, op.limit));
      }
    }
  }
  return out;
}

// `heights`, `widths`: the extents that synthesis_extents gives (unused for an analysis network). `stride`:
// pixels of the picture that a sample of x stands for, a side.
inline Tensor plain_network(std::span<const Op> ops, std::span<const OpWeights> weights, bool analysis,
                            Tensor x, const Tensor* prediction, const RateField& field,
                            std::span<const int> heights, std::span<const int> widths, int stride = 1) {
  for (size_t i = 0; i < ops.size(); ++i) {
    const Op& op = ops[i];
    const OpWeights& w = weights[i];
    switch (op.kind) {
      case OpKind::kConv:
        x = plain_act(plain_conv(analysis ? plain_pad(x, op.align) : x, w.weight.floats(), w.bias, op.kernel,
                                 op.stride),
                      op.act);
        break;
      case OpKind::kDeconv:
        x = plain_act(plain_deconv(x, w.weight.floats(), w.bias), op.act);
        break;
      case OpKind::kSubpel:
        x = plain_act(plain_shuffle(plain_conv(x, w.weight.floats(), w.bias, op.kernel, 1), op.factor),
                      op.act);
        break;
      case OpKind::kUnshuffle:
        x = plain_unshuffle(plain_pad(x, op.factor), op.factor);
        break;
      case OpKind::kShuffle:
        x = plain_shuffle(x, op.factor);
        break;
      case OpKind::kGdn:
      case OpKind::kIgdn:
        x = plain_gdn(x, w, op.kind == OpKind::kIgdn);
        break;
      case OpKind::kRes:
        x = plain_sum(x, plain_conv(plain_act(plain_conv(x, w.weight.floats(), w.bias, op.kernel, 1), op.act),
                                    w.weight2.floats(), w.bias2, op.kernel, 1));
        break;
      case OpKind::kCondition:
        x = plain_sum(x, plain_conv(plain_unshuffle(plain_pad(*prediction, op.factor), op.factor),
                                    w.weight.floats(), w.bias, op.kernel, 1));
        break;
      case OpKind::kRateGain: {
        const int points = static_cast<int>(w.log_gain.size()) / op.in;
        for (size_t k = 0; k < x.size(); ++k) {
          const int c = static_cast<int>(k) % op.in;
          const int pixel = static_cast<int>(k) / op.in;
          const float rate = field.at(pixel / x.width * stride, pixel % x.width * stride);
          const int low = std::clamp(static_cast<int>(std::floor(rate)), 0, std::max(points - 2, 0));
          const int high = std::min(low + 1, points - 1);
          const double part = rate - low;
          x.data[k] *= static_cast<float>(
              std::exp(w.log_gain[low * op.in + c] * (1.0 - part) + w.log_gain[high * op.in + c] * part));
        }
        break;
      }
      case OpKind::kIntConv:
        x = plain_int_conv(x, op, w);
        if (op.factor > 1) x = plain_shuffle(x, op.factor);
        break;
    }
    if (!analysis) x = plain_crop(x, heights[i + 1], widths[i + 1]);
    stride = stride * op.down() / op.up();
  }
  return x;
}

}  // namespace compass::nn
