#include "nn/conv_weights.h"

#include <algorithm>
#include <span>

#include "nn/context.h"

namespace compass::nn {
namespace {

int first_offset(int phase) {
  return phase == 0 ? -1 : 0;
}
int tap(int phase, int d) {
  return phase + 2 - 2 * d;
}

// Weight of a transposed convolution, stored [in,out,5,5].
float transposed_at(const ConvParameters& p, std::span<const float> weight, int o, int i, int ky, int kx) {
  return weight[((static_cast<size_t>(i) * p.out + o) * 5 + ky) * 5 + kx];
}

}  // namespace

PaddedConvWeights shuffled_weights(const ConvParameters& p, int up, int pitch, bool expand) {
  const int area = up * up;
  const int taps = p.kernel * p.kernel;
  const int padded_out = pad_channels(area * pitch);
  const int padded_in = pad_channels(expand ? p.in * taps : p.in);
  std::vector<float> padded_bias(padded_out, 0.0F);
  for (int o = 0; o < p.out; ++o) {
    for (int s = 0; s < area; ++s) padded_bias[s * pitch + o] = (*p.bias)[o * area + s];
  }
  const auto write = [=](float* to) {
    const std::vector<float> weight = p.weight->floats();
    const size_t row = static_cast<size_t>(padded_in) * (expand ? 1 : taps);
    std::fill_n(to, padded_out * row, 0.0F);
    for (int o = 0; o < p.out; ++o) {
      for (int s = 0; s < area; ++s) {
        const float* from = weight.data() + static_cast<size_t>(o * area + s) * p.in * taps;
        float* target = to + (static_cast<size_t>(s) * pitch + o) * row;
        for (int i = 0; i < p.in; ++i) {
          for (int t = 0; t < taps; ++t) target[expand ? t * p.in + i : i * taps + t] = from[i * taps + t];
        }
      }
    }
  };
  const int k = expand ? 1 : p.kernel;
  return {padded_in, padded_out, k, k, write, std::move(padded_bias)};
}

PaddedConvWeights joined_phases_weights(const ConvParameters& p, int pitch) {
  const int padded_in = pad_channels(p.in);
  const int padded_out = pad_channels(4 * pitch);
  std::vector<float> padded_bias(padded_out, 0.0F);
  for (int phase = 0; phase < 4; ++phase) {
    std::copy(p.bias->begin(), p.bias->end(), padded_bias.begin() + phase * pitch);
  }
  const auto write = [=](float* to) {
    const std::vector<float> weight = p.weight->floats();
    std::fill_n(to, static_cast<size_t>(padded_out) * padded_in * 9, 0.0F);
    for (int phase = 0; phase < 4; ++phase) {
      const int dy = phase / 2;
      const int dx = phase % 2;
      for (int o = 0; o < p.out; ++o) {
        for (int i = 0; i < p.in; ++i) {
          float* target = to + (static_cast<size_t>(phase * pitch + o) * padded_in + i) * 9;
          for (int ky = dy; ky < 3; ++ky) {
            for (int kx = dx; kx < 3; ++kx) {
              target[ky * 3 + kx] = transposed_at(p, weight, o, i, tap(dy, ky - 1), tap(dx, kx - 1));
            }
          }
        }
      }
    }
  };
  return {padded_in, padded_out, 3, 3, write, std::move(padded_bias)};
}

PaddedConvWeights phase_weights(const ConvParameters& p, int pitch, int dy, int dx) {
  const int padded_in = pad_channels(p.in);
  const int kh = 3 - dy;
  const int kw = 3 - dx;
  std::vector<float> padded_bias(pitch, 0.0F);
  std::copy(p.bias->begin(), p.bias->end(), padded_bias.begin());
  const auto write = [=](float* to) {
    const std::vector<float> weight = p.weight->floats();
    std::fill_n(to, static_cast<size_t>(pitch) * padded_in * kh * kw, 0.0F);
    for (int o = 0; o < p.out; ++o) {
      for (int i = 0; i < p.in; ++i) {
        float* target = to + (static_cast<size_t>(o) * padded_in + i) * kh * kw;
        for (int ky = 0; ky < kh; ++ky) {
          for (int kx = 0; kx < kw; ++kx) {
            target[ky * kw + kx] = transposed_at(p, weight, o, i, tap(dy, ky + first_offset(dy)),
                                                 tap(dx, kx + first_offset(dx)));
          }
        }
      }
    }
  };
  return {padded_in, pitch, kh, kw, write, std::move(padded_bias)};
}

}  // namespace compass::nn
