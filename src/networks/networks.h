// The networks of one codec, ready to run: analysis g_a and synthesis g_s, hyper analysis h_a and hyper
// synthesis h_s.
//
//   encoder:  y = g_a(x)   z = round(h_a(y))   (scales, means) = h_s(z)   q = round(y - means)   rANS(z, q)
//   decoder:  z, (scales, means) = h_s(z), q <- rANS      x_hat = g_s(q + means)
//
// Every run may be restricted to a part of its output. What the run then needs of its inputs, exact halo
// included, is its footprint; the part equals that part of the whole result up to rounding. Rectangles count
// pixels of the picture, or positions of the latents, as named.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/size.h"
#include "core/tensor.h"
#include "model_file/model.h"
#include "nn/backward.h"
#include "nn/context.h"
#include "nn/map.h"
#include "nn/network.h"

namespace compass {

// What h_s says about y, for the positions of one rectangle: memory order [h,w,M] as everywhere.
struct HyperParameters {
  std::vector<uint8_t> indexes;  // scale index of each element, 0..63
  Tensor means;                  // [M,h,w]
  Tensor scales;                 // [M,h,w]; empty if the model has an integer scale network
};

class CodecNetworks {
 public:
  using PlanPtr = std::shared_ptr<const nn::Plan>;

  // `context` (threads, precision, kernels) must outlive this object and may be shared by several networks
  // that are not run at the same time.
  CodecNetworks(std::shared_ptr<const Model> model, CodecKind kind, nn::Context& context);
  ~CodecNetworks();

  Size latent_size(Size picture) const;  // of y
  Size hyper_size(Size picture) const;   // of z
  int latent_channels() const { return codec_.latent_channels; }
  int hyper_channels() const { return codec_.hyper_channels; }
  bool conditional() const { return conditional_; }  // whether g_a or g_s read the prediction

  // g_a: picture (or residual) x [3,H,W] -> y [M,h,w]. `prediction` [3,H,W] may be null if !conditional().
  // `rate` is the position on the rate-point axis, Model::rate_position(quality).
  Tensor analyse(const Tensor& x, const Tensor* prediction, float rate);
  // The latents of rectangle `out`; x and prediction hold analysis_footprint(picture, out).
  Tensor analyse(const Tensor& x, const Tensor* prediction, float rate, Size picture, Rect out);
  Rect analysis_footprint(Size picture, Rect out) const;
  // What that takes, and the planned latents into `y`, whose memory is used again, from any parts that hold
  // the plan's.
  PlanPtr plan_analysis(Size picture, Rect out) const { return g_a_.plan(picture, out); }
  void analyse(const nn::Plan& plan, const nn::MapView& x, const nn::MapView& prediction, float rate,
               Tensor& y);

  // h_a: y [M,h,w] -> z [C,h',w'], before rounding.
  Tensor hyper_analyse(const Tensor& y);
  // The part `out` of it: what that takes, and the planned part into `z`. `y` is whole.
  PlanPtr plan_hyper_analysis(Size picture, Rect out) const { return h_a_.plan(latent_size(picture), out); }
  void hyper_analyse(const nn::Plan& plan, const Tensor& y, Tensor& z);

  // z's symbols: round_half_even(z - median), memory order [h',w',C].
  std::vector<int32_t> quantise_hyper(const Tensor& z) const;
  // The same for rectangle `part` of z, at its place in the whole picture's symbols.
  void quantise_hyper(const Tensor& z, Rect part, Size hyper, std::span<int32_t> symbols) const;

  // h_s: z's symbols -> scale indexes and means of all of y's positions. The indexes are the same on every
  // machine if the model has an integer scale network.
  HyperParameters hyper_synthesise(std::span<const int32_t> z_symbols, Size picture);
  // The same for the latents of rectangle `out` only.
  HyperParameters hyper_synthesise(std::span<const int32_t> z_symbols, Size picture, Rect out);
  // What that takes, and the planned part into `result`, whose memory is used again.
  struct HyperPlan {
    PlanPtr h_s;
    PlanPtr h_scales;  // null if the model has no integer scale network
  };
  HyperPlan plan_hyper_synthesis(Size picture, Rect out) const;
  void hyper_synthesise(const HyperPlan& plan, std::span<const int32_t> z_symbols, HyperParameters& result);

  // g_s: y_hat [M,h,w] -> x_hat [3,H,W]; prediction as for analyse.
  Tensor synthesise(const Tensor& y_hat, const Tensor* prediction, float rate, Size picture);
  // The pixels of rectangle `out`; y_hat and prediction hold the parts that synthesis_footprint names.
  Tensor synthesise(const Tensor& y_hat, const Tensor* prediction, float rate, Size picture, Rect out);
  struct SynthesisFootprint {
    Rect latents;
    Rect prediction;  // in pixels; empty if g_s does not read the prediction
  };
  SynthesisFootprint synthesis_footprint(Size picture, Rect out) const;

  // What that takes, and the planned pixels into `x_hat`, from any parts that hold the plan's. `save`, if
  // given, keeps what backward() wants to know.
  PlanPtr plan_synthesis(Size picture, Rect out) const { return g_s_.plan(picture, out); }
  void synthesise(const nn::Plan& plan, const nn::MapView& y_hat, const nn::MapView& prediction, float rate,
                  Tensor& x_hat, nn::SavedActivations* save = nullptr);

  // The backward pass through g_s. Whether there is one: it takes ops that nn/backward.h knows.
  bool make_backward();
  bool has_backward() const { return backward_ != nullptr; }
  // What the gradient of sum(weights * x_hat) with respect to the latents `out` of y_hat takes, and that
  // gradient into `dy` [M,h,w]. `weights` [3,h,w] holds exactly the plan's input, and `saved` is of a run of
  // synthesise for these pixels. Only after make_backward.
  PlanPtr plan_backward(Size picture, Rect out) const { return backward_->network.plan(picture, out); }
  void backward(const nn::Plan& plan, const nn::MapView& weights, const nn::SavedActivations& saved,
                float rate, Tensor& dy);

  // Multiply-adds for a whole picture, in units of 1.
  struct Cost {
    double g_a = 0, g_s = 0, h_a = 0, h_s = 0;
  };
  Cost cost(Size picture) const;

 private:
  std::shared_ptr<const Model> model_;
  const CodecDescription& codec_;
  const CodecWeights& weights_;
  nn::Context& context_;
  bool conditional_ = false;
  nn::Network g_a_, g_s_, h_a_, h_s_;
  std::optional<nn::Network> h_scales_;
  struct Backward {
    nn::BackwardOps ops;
    nn::Network network;
  };
  std::unique_ptr<Backward> backward_;
};

// y's symbols q = round_half_even(y - mean), and back: y_hat = q + mean.
std::vector<int32_t> quantise(const Tensor& y, const Tensor& means);
Tensor dequantise(std::span<const int32_t> symbols, const Tensor& means);
// Both at once, for a run of elements: y becomes y_hat.
void quantise(std::span<float> y, std::span<const float> means, std::span<int32_t> symbols);

}  // namespace compass
