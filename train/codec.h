// One codec in training form: a mean-scale hyperprior (Minnen et al., 2018, without the context model), or
// the factorised prior that came before it (Balle et al., 2018).
#pragma once

#include <functional>

#include "dependent_quantiser.h"
#include "model_file/description.h"
#include "networks.h"
#include "symbol_search.h"

namespace compass::train {

// The fully factorised prior of Balle et al. (2018, appendix 6.1): per channel a monotone network from value
// to the cumulative's logit, widths 1-3-3-3-3-1. Parameter names are the reference's (`_matrix0` ...).
struct FactorisedPriorImpl : torch::nn::Module {
  explicit FactorisedPriorImpl(int64_t channels);
  Tensor logits(Tensor x);       // [C,1,N] -> [C,1,N], logits of the cumulative
  Tensor bits(const Tensor& z);  // [B,C,h,w] -> [B], bits of z with unit bins around it
  std::vector<Tensor> matrices, biases, factors;
  int64_t channels;
};
TORCH_MODULE(FactorisedPrior);

// The scale indexes (uint8) of a tensor of scales; the same as scale_index() of entropy/scales.h.
Tensor scale_indexes(const Tensor& scales);

// Bits per sample [B] of values under zero-mean Gaussians of the given scales, unit bins.
Tensor gaussian_bits(const Tensor& centred, const Tensor& scales);

struct CodecOutput {
  Tensor x_hat;   // [B,3,H,W] float
  Tensor y_hat;   // [B,M,h,w] float
  Tensor y_bits;  // [B]
  Tensor z_bits;  // [B]; zeros with a factorised prior
  // y's symbols and their scale indexes (uint8), [B,M,h,w]; only with kRounding and a hyperprior.
  Tensor symbols;
  Tensor scale_indexes;
};

// How a pass treats quantisation. In training: additive noise for the rate, straight-through rounding for the
// reconstruction. In validation: rounding for both, and rounded scale indexes. A dependent quantiser takes
// the place of rounding y, and of its bits in validation.
enum class Quantisation { kTraining, kRounding };

struct CodecImpl : torch::nn::Module {
  CodecImpl(const CodecDescription& description, int64_t rate_points);
  // `aim`: what y's symbols are searched for after rounding, if at all.
  CodecOutput forward(const Tensor& x, Pass pass, Quantisation quantisation, const SearchAim& aim = {});

  // The parts.
  Tensor analyse(const Tensor& x, const Pass& pass);  // y, float
  using Synthesise = std::function<Tensor(const Tensor& y_hat)>;
  // Quantises y and says what it costs; all but x_hat. `synthesise` is looked at by a search alone.
  CodecOutput code(const Tensor& y, const Pass& pass, Quantisation quantisation, const SearchAim& aim = {},
                   const Synthesise& synthesise = {});
  // g_s: the picture of that size, float, of y_hat or what g_s takes with it.
  Tensor synthesise(const Tensor& y_hat, const Pass& pass, MapSize size);
  bool factorised() const { return h_a.is_empty(); }
  std::shared_ptr<const DependentQuantiser> quantiser;             // of y; null: rounding
  Network g_a{nullptr}, g_s{nullptr}, h_a{nullptr}, h_s{nullptr};  // the latter two of a hyperprior
  ScaleNetwork h_scales{nullptr};
  FactorisedPrior prior{nullptr};  // of z, or of y

 private:
  CodecOutput code_factorised(const Tensor& y, const Pass& pass, bool training);
};
TORCH_MODULE(Codec);

}  // namespace compass::train
