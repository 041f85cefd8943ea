// The whole scalable codec in training form: base codec, enhancement codec, inter-layer prediction. Or, to
// compare it with, Mei et al.'s enhancement layers upon the base codec.
#pragma once

#include <optional>

#include "codec.h"
#include "liff.h"
#include "loop_filter.h"
#include "mei.h"

namespace compass::train {

enum class Prediction { kBicubic, kLiff };

struct LayerOutput {
  Tensor original;        // [B,3,H,W]
  Tensor prediction;      // undefined for the base layer
  Tensor reconstruction;  // unclamped
  Tensor bpp;             // [B], of this layer's pixels
  Tensor mse;             // [B], samples in [0,1]
  Tensor symbols;         // of y, and their scale indexes: see CodecOutput
  Tensor scale_indexes;
};

struct SystemImpl : torch::nn::Module {
  explicit SystemImpl(const Description& description, const std::optional<MeiDescription>& mei = {});

  // Codes `layers` (lowest first, each [B,3,H_k,W_k]) as one scalable stream. `common` holds what every
  // layer's pass shares: the rates [B], the arithmetic, the noise. Gradients that reach an enhancement layer
  // from the layer above are multiplied by `between_layers`; with 0 each layer learns for itself.
  std::vector<LayerOutput> forward(const std::vector<Tensor>& layers, const Pass& common,
                                   Prediction prediction, Quantisation quantisation,
                                   double between_layers = 1.0);

  // Inter-layer prediction of a picture at another size (COMPASS, section 3.2). `first` is enhancement layer
  // 1's size, of which the scale token is where the model's rule says so.
  Tensor predict(const Tensor& below, MapSize size, MapSize first, Prediction prediction,
                 at::ScalarType dtype);
  // For enhancement layer 1.
  Tensor predict(const Tensor& below, MapSize size, Prediction prediction, at::ScalarType dtype) {
    return predict(below, size, size, prediction, dtype);
  }

  bool layered() const { return !enhancement.is_empty() || !mei.is_empty(); }
  // lambda at positions [B] on the rate axis: exponential between rate points.
  Tensor lambda(const Tensor& rate) const;

  Description description;
  std::vector<double> rate_points;  // the description's
  Codec base{nullptr}, enhancement{nullptr};
  Liff liff{nullptr};
  Mei mei{nullptr};           // in the place of the latter two
  LayerFilters filters;       // of reconstructions
  int64_t search_rounds = 0;  // that symbols of y are searched for, in every layer

 private:
  std::vector<LayerOutput> forward_mei(const std::vector<Tensor>& layers, const Pass& common,
                                       Quantisation quantisation);
};
TORCH_MODULE(System);

}  // namespace compass::train
