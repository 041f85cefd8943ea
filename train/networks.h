// The networks of docs/model_format.md as LibTorch modules, built from the same description the runtime
// reads. Parameters are float32; a pass computes in `Pass::dtype` (bf16 on CPUs that multiply it) by casting
// weights on the way in, so gradients accumulate in float32.
#pragma once

#include <torch/torch.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace compass::train {

using torch::Tensor;

// sigma = exp(kLogScaleMin + index * kLogScaleStep): the 64-entry scale table of Balle et al. (2018).
inline constexpr double kScaleMin = 0.11;
inline constexpr double kScaleMax = 256.0;
inline constexpr int kScaleCount = 64;
inline const double kLogScaleMin = std::log(kScaleMin);
inline const double kLogScaleStep = (std::log(kScaleMax) - std::log(kScaleMin)) / (kScaleCount - 1);

// What every layer of a pass may look at besides its input.
struct Pass {
  Tensor rate;        // [B], position on the rate-point axis, 0..P-1
  Tensor prediction;  // [B,3,H,W] inter-layer prediction, or undefined
  at::ScalarType dtype = at::kFloat;
  at::Generator generator;  // of the quantisation noise; each worker thread has its own
};

// Height and width of a map.
struct MapSize {
  int64_t height = 0;
  int64_t width = 0;
};

// One weight and bias, applied as a convolution with zero padding (k-1)/2.
struct ConvImpl : torch::nn::Module {
  ConvImpl(int64_t in, int64_t out, int64_t kernel, int64_t stride, bool transposed = false);
  Tensor forward(const Tensor& x);
  Tensor weight, bias;
  int64_t kernel, stride;
  bool transposed;
};
TORCH_MODULE(Conv);

// One LAYER of the description.
struct LayerImpl : torch::nn::Module {
  LayerImpl(const nlohmann::json& spec, const std::vector<double>& rate_points);
  // `target` is the size the map has after this layer's mirrored crop (up-sampling layers only).
  Tensor forward(Tensor x, const Pass& pass, MapSize target);

  std::string op, act;
  int64_t factor = 1, align = 1;
  bool upsamples = false;
  Conv conv{nullptr}, conv1{nullptr}, conv2{nullptr};
  Tensor beta, gamma, log_gain;
};
TORCH_MODULE(Layer);

// A list of layers. Sizes follow from the picture's alone: at cumulative factor f a side is ceil(side / f).
struct NetworkImpl : torch::nn::Module {
  NetworkImpl(const nlohmann::json& layers, const std::vector<double>& rate_points);
  Tensor analyse(Tensor x, const Pass& pass);
  // `size`: what the analysis network's input had.
  Tensor synthesise(Tensor x, const Pass& pass, MapSize size);
  std::vector<Layer> layers;
};
TORCH_MODULE(Network);

// The integer scale network, trained as the integers it will be: weights rounded to int8 with a power-of-two
// scale per output, activations rounded to steps of 1/16 in [0, 255/16], both with straight-through
// gradients.
struct ScaleNetworkImpl : torch::nn::Module {
  explicit ScaleNetworkImpl(const nlohmann::json& layers);
  // z symbols [B,Cz,h,w] -> scale indexes [B,M,h',w'], real numbers in [0,63] (rounded when `exact`).
  Tensor forward(Tensor z, MapSize size, bool exact);

  struct Integers {
    Tensor weight, bias, shift;  // int64 tensors, ranges as in docs/model_format.md
  };
  Integers integers(size_t layer);

  std::vector<Conv> convs;
  std::vector<int64_t> factors, limits;
};
TORCH_MODULE(ScaleNetwork);

// Straight-through rounding: round(x) forwards, identity backwards.
Tensor round_ste(const Tensor& x);

// max(x, bound) whose gradient passes where x >= bound or where it would raise x (Balle et al., 2018).
Tensor lower_bound(const Tensor& x, double bound);

// Replicates the first row and column until both sides are multiples of `align`.
Tensor pad_to(const Tensor& x, int64_t align);
// Drops rows at the top and columns at the left down to `size`.
Tensor crop_to(const Tensor& x, MapSize size);

}  // namespace compass::train
