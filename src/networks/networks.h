// The networks of one codec, ready to run: analysis g_a and synthesis g_s, hyper analysis h_a and hyper
// synthesis h_s.
//
//   encoder:  y = g_a(x)   z = round(h_a(y))   (scales, means) = h_s(z)   q = round(y - means)   rANS(z, q)
//   decoder:  z, (scales, means) = h_s(z), q <- rANS      x_hat = g_s(q + means)
//
// With a factorised prior there is no z, and what h_s would say is known: the scale index stands for the
// element's channel (model_file/weights.h), the mean is that channel's median.
//
// Every network can compute a rectangle of its output alone. It then reads the rectangle's footprint in its
// inputs, and the result equals that rectangle of the whole result up to rounding. Rectangles are in pixels
// of the picture, or in positions of the latents, as named.
//
// Three forms of each: on whole maps; on the rectangle `out`, planned on the spot; and with a plan at hand,
// which tiles use. A plan's form takes views that hold at least the plan's footprint, and writes the plan's
// `out` to a tensor whose memory is used again.
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

// What h_s says about y, for one rectangle of positions. Memory order is [h,w,M].
struct HyperParameters {
  std::vector<uint8_t> indexes;  // scale index of each element, 0..63; 1 + channel with a factorised prior
  Tensor means;                  // [M,h,w]
  Tensor scales;                 // [M,h,w]; empty if the model has an integer scale network
};

class CodecNetworks {
 public:
  using PlanPtr = std::shared_ptr<const nn::Plan>;

  // `context` (threads, precision, kernels) must outlive this object and may be shared by several networks
  // that are not run at the same time.
  CodecNetworks(std::shared_ptr<const Model> model, CodecKind kind, nn::Context& context);
  // Of a codec that is no model's; both must outlive the object.
  CodecNetworks(const CodecDescription& codec, const CodecWeights& weights, nn::Context& context);
  ~CodecNetworks();

  Size latent_size(Size picture) const;  // of y
  Size hyper_size(Size picture) const;   // of z; nothing with a factorised prior
  int latent_channels() const { return codec_.latent_channels; }
  int hyper_channels() const { return codec_.hyper_channels; }
  bool conditional() const { return conditional_; }  // whether g_a or g_s read the prediction

  // g_a: picture (or residual) x [3,H,W] -> y [M,h,w]. `prediction` [3,H,W] may be null if !conditional().
  // `rate` holds positions on the rate-point axis, Model::rate_position(quality): one or, for each square of
  // the picture, its own.
  Tensor analyse(const Tensor& x, const Tensor* prediction, const nn::RateField& rate);
  // The latents of rectangle `out`; x and prediction hold analysis_footprint(picture, out).
  Tensor analyse(const Tensor& x, const Tensor* prediction, const nn::RateField& rate, Size picture,
                 Rect out);
  Rect analysis_footprint(Size picture, Rect out) const;
  // With a plan. `prediction` may be empty if !conditional().
  PlanPtr plan_analysis(Size picture, Rect out) const { return g_a_.plan(picture, out); }
  void analyse(const nn::Plan& plan, const nn::MapView& x, const nn::MapView& prediction,
               const nn::RateField& rate, Tensor& y);

  // h_a: y [M,h,w] -> z [C,h',w'], before rounding. Not with a factorised prior.
  Tensor hyper_analyse(const Tensor& y);
  // With a plan for the rectangle `out` of z. `y` is whole.
  PlanPtr plan_hyper_analysis(Size picture, Rect out) const { return h_a_->plan(latent_size(picture), out); }
  void hyper_analyse(const nn::Plan& plan, const Tensor& y, Tensor& z);

  // z's symbols: round_half_even(z - median), memory order [h',w',C].
  std::vector<int32_t> quantise_hyper(const Tensor& z) const;
  // The same for `z` being rectangle `part` of a whole of size `hyper`; writes to that rectangle of the
  // whole's `symbols`.
  void quantise_hyper(const Tensor& z, Rect part, Size hyper, std::span<int32_t> symbols) const;

  // h_s: z's symbols -> scale indexes and means of all of y's positions. The indexes are the same on every
  // machine if the model has an integer scale network.
  HyperParameters hyper_synthesise(std::span<const int32_t> z_symbols, Size picture);
  // The same for the latents of rectangle `out` only.
  HyperParameters hyper_synthesise(std::span<const int32_t> z_symbols, Size picture, Rect out);
  // With a plan.
  struct HyperPlan {
    Rect out;
    PlanPtr h_s;                         // null with a factorised prior
    PlanPtr h_scales;                    // null if the model has no integer scale network
    std::vector<PlanPtr> plans() const;  // those that are there
  };
  HyperPlan plan_hyper_synthesis(Size picture, Rect out) const;
  void hyper_synthesise(const HyperPlan& plan, std::span<const int32_t> z_symbols, HyperParameters& result);

  // g_s: y_hat [M,h,w] -> x_hat [3,H,W]; prediction as for analyse.
  Tensor synthesise(const Tensor& y_hat, const Tensor* prediction, const nn::RateField& rate, Size picture);
  // The pixels of rectangle `out`; y_hat and prediction hold exactly synthesis_footprint(picture, out).
  Tensor synthesise(const Tensor& y_hat, const Tensor* prediction, const nn::RateField& rate, Size picture,
                    Rect out);
  struct SynthesisFootprint {
    Rect latents;
    Rect prediction;  // in pixels; empty if g_s does not read the prediction
  };
  SynthesisFootprint synthesis_footprint(Size picture, Rect out) const;

  // With a plan. `save`, if given, gets what backward() needs.
  PlanPtr plan_synthesis(Size picture, Rect out) const { return g_s_.plan(picture, out); }
  void synthesise(const nn::Plan& plan, const nn::MapView& y_hat, const nn::MapView& prediction,
                  const nn::RateField& rate, Tensor& x_hat, nn::SavedActivations* save = nullptr);

  // Prepares the backward pass through g_s. False if g_s has an op without one (nn/backward.h).
  bool make_backward();
  bool has_backward() const { return backward_ != nullptr; }
  // The gradient of sum(weights * x_hat) with respect to the latents `out` of y_hat, into `dy` [M,h,w].
  // `weights` [3,h,w] holds exactly the plan's input, and `saved` is from a run of synthesise for these
  // pixels. Only after make_backward.
  PlanPtr plan_backward(Size picture, Rect out) const { return backward_->network.plan(picture, out); }
  void backward(const nn::Plan& plan, const nn::MapView& weights, const nn::SavedActivations& saved,
                const nn::RateField& rate, Tensor& dy);

  // Multiply-adds for a whole picture.
  struct Cost {
    double g_a = 0, g_s = 0, h_a = 0, h_s = 0;
  };
  Cost cost(Size picture) const;

 private:
  std::shared_ptr<const Model> model_;  // whose codec it is, if it is a model's
  const CodecDescription& codec_;
  const CodecWeights& weights_;
  nn::Context& context_;
  bool conditional_ = false;
  void known_parameters(Rect out, HyperParameters& result) const;
  nn::Network g_a_, g_s_;
  std::optional<nn::Network> h_a_, h_s_;  // none with a factorised prior
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
// Both at once: `symbols` gets q, and y becomes y_hat. All three of one length.
void quantise(std::span<float> y, std::span<const float> means, std::span<int32_t> symbols);

}  // namespace compass
