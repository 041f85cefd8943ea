// The networks of docs/model_format.md as LibTorch modules, built from a description that the runtime's
// parser has read (model_file/description.h). Parameters are float32. A pass casts them to `Pass::dtype`
// (bf16 on CPUs that multiply it) and computes in that, so that gradients accumulate in float32.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "graph/op.h"

namespace compass::train {

using torch::Tensor;

inline constexpr double kLikelihoodFloor = 1e-9;  // lower bound on a symbol's probability

// What every op of a pass may read besides its input.
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

// One op of the description, of any kind but int_conv.
struct OpImpl : torch::nn::Module {
  OpImpl(const nn::Op& spec, int64_t rate_points);
  // Without padding or cropping, which the network does.
  Tensor forward(const Tensor& x, const Pass& pass);

  nn::Op spec;
  Conv conv{nullptr}, conv1{nullptr}, conv2{nullptr};
  Tensor beta, gamma, log_gain;
};
TORCH_MODULE(Op);

// The sizes of a synthesis network's maps: entry i is the input of its op i (graph/geometry.h). `mirror`
// is the analysis network that it undoes, `size` that network's input.
std::vector<MapSize> synthesis_sizes(const std::vector<nn::Op>& mirror, const std::vector<nn::Op>& ops,
                                     MapSize size);

// A list of ops.
struct NetworkImpl : torch::nn::Module {
  // `mirror`: as above; of an analysis network, itself.
  NetworkImpl(const std::vector<nn::Op>& specs, const std::vector<nn::Op>& mirror, int64_t rate_points);
  Tensor analyse(Tensor x, const Pass& pass);
  // `size`: what the analysis network's input had.
  Tensor synthesise(Tensor x, const Pass& pass, MapSize size);
  std::vector<Op> ops;
  std::vector<nn::Op> specs, mirror;
};
TORCH_MODULE(Network);

// The integer scale network, trained with the roundings of its integer form: weights rounded to int8 with a
// power-of-two scale per output, activations rounded to multiples of 1/16 in [0, 255/16]. Both have
// straight-through gradients.
struct ScaleNetworkImpl : torch::nn::Module {
  ScaleNetworkImpl(const std::vector<nn::Op>& specs, const std::vector<nn::Op>& mirror);
  // z symbols [B,Cz,h,w] -> scale indexes [B,M,h',w'], real numbers in [0,63] (rounded when `exact`).
  Tensor forward(Tensor z, MapSize size, bool exact);

  struct Integers {
    Tensor weight, bias, shift;  // int64 tensors, ranges as in docs/model_format.md
  };
  Integers integers(size_t op);

  std::vector<Conv> convs;
  std::vector<nn::Op> specs, mirror;
};
TORCH_MODULE(ScaleNetwork);

// An op's activation, in place.
Tensor activate(Tensor x, nn::Act act);

// Straight-through rounding: round(x) forwards, identity backwards.
Tensor round_ste(const Tensor& x);

// max(x, bound) whose gradient passes where x >= bound or where it would raise x (Balle et al., 2018).
Tensor lower_bound(const Tensor& x, double bound);

// Replicates the first row and column until both sides are multiples of `align`.
Tensor pad_to(const Tensor& x, int64_t align);
// Drops rows at the top and columns at the left down to `size`.
Tensor crop_to(const Tensor& x, MapSize size);

}  // namespace compass::train
