// The scalable codec of Mei et al. (Learning-based scalable image compression with latent-feature reuse and
// prediction, IEEE TMM 2021) as data, to measure COMPASS against: a base codec and enhancement layers of
// twice the size each, which predict latents and not pixels. Every enhancement layer has weights of its own.
//
//   below_0 = y_hat_0                      p_k = P_k(below_(k-1))
//   y_hat_k = p_k + Q(A_k(x_k) - p_k)      below_k = [U_k(below_(k-1)), y_hat_k]      picture k: S_k(below_k)
//
// A_k and S_k are g_a and g_s of a CODEC, whose prior is of y - p. P and U follow from their widths: all
// kernels are 5x5.
//
//   P:  a = reduce(below)  b = first(a)  c = second(a + b)  p = enlarge(a + b + c)
//       reduce   conv/2, GDN, conv, GDN       first, second   conv, GDN, conv
//       enlarge  deconv, IGDN, deconv
//   U:  deconv, conv, conv, without activations
#pragma once

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"
#include "model_file/description.h"

namespace compass {

inline constexpr int kMeiLayers = 2;  // enhancement layers
// g_a's factor of every layer. The sides of the base layer are padded to multiples of twice that, for P
// halves its latents once more.
inline constexpr int kMeiFactor = 16;

// What predicts a layer's latents from those below, and what is handed on beside them.
struct MeiPrediction {
  std::vector<nn::Op> reduce, first, second, enlarge;  // P
  std::vector<nn::Op> context;                         // U
  // Each with its name in the model file.
  std::array<std::pair<const char*, const std::vector<nn::Op>*>, 5> networks() const;
};

struct MeiLayerDescription {
  CodecDescription codec;  // g_s takes the context in front of y
  MeiPrediction prediction;
};

struct MeiDescription {
  int predictor = 0;  // channels inside P where it has halved the latents
  int context = 0;    // channels that U makes
  std::vector<MeiLayerDescription> layers;
  std::string canonical;  // its JSON, keys sorted, no blanks
};

// Reads and checks the layers of a configuration or of a model file that go upon `base`. Errors: kModel with
// the place ("mei.layers.1.g_s: ...").
Result<MeiDescription> parse_mei(std::string_view json, const CodecDescription& base);

// A network that halves its map so many times: what `enlarge` (2) and `context` (1) undo.
std::vector<nn::Op> halvings(int times);

}  // namespace compass
