#include "codec.h"

#include "entropy/scales.h"
#include "layout.h"

namespace compass::train {
namespace {

// -log2 summed over everything but the batch.
Tensor sum_bits(const Tensor& likelihood) {
  return at::log2(lower_bound(likelihood, kLikelihoodFloor)).sum({1, 2, 3}).neg();
}

Tensor add_noise(const Tensor& x, const at::Generator& generator) {
  return x + (at::rand(x.sizes(), generator, x.options().requires_grad(false)) - 0.5);
}

}  // namespace

FactorisedPriorImpl::FactorisedPriorImpl(int64_t channels) : channels(channels) {
  constexpr double kInitScale = 10.0;
  const std::vector<int64_t> widths = {1, 3, 3, 3, 3, 1};
  const double scale = std::pow(kInitScale, 1.0 / 5.0);
  for (size_t i = 0; i + 1 < widths.size(); ++i) {
    const double init = std::log(std::expm1(1.0 / scale / static_cast<double>(widths[i + 1])));
    const std::string n = std::to_string(i);
    matrices.push_back(
        register_parameter("_matrix" + n, torch::full({channels, widths[i + 1], widths[i]}, init)));
    biases.push_back(register_parameter("_bias" + n, torch::rand({channels, widths[i + 1], 1}) - 0.5));
    if (i + 2 < widths.size()) {
      factors.push_back(register_parameter("_factor" + n, torch::zeros({channels, widths[i + 1], 1})));
    }
  }
}

Tensor FactorisedPriorImpl::logits(Tensor x) {
  for (size_t i = 0; i < matrices.size(); ++i) {
    x = at::matmul(at::softplus(matrices[i]), x) + biases[i];
    if (i < factors.size()) x = x + at::tanh(factors[i]) * at::tanh(x);
  }
  return x;
}

Tensor FactorisedPriorImpl::bits(const Tensor& z) {
  const auto shape = z.sizes();
  const Tensor values = z.permute({1, 0, 2, 3}).reshape({channels, 1, -1});
  const Tensor lower = logits(values - 0.5);
  const Tensor upper = logits(values + 0.5);
  // sigmoid is flat at its top: evaluate both ends on the side where they are small.
  const Tensor sign = at::sign(lower + upper).neg().detach();
  const Tensor likelihood = at::abs(at::sigmoid(sign * upper) - at::sigmoid(sign * lower));
  return sum_bits(likelihood.reshape({channels, shape[0], shape[2], shape[3]}).permute({1, 0, 2, 3}));
}

Tensor scale_indexes(const Tensor& scales) {
  const Tensor table = torch::tensor(at::ArrayRef<float>(kScaleTable.data(), kScales)).to(scales.device());
  // The first entry that is no smaller; the last one for what is larger than all.
  return at::bucketize(scales.detach().contiguous(), table, /*out_int32=*/true)
      .clamp_max(kScales - 1)
      .to(at::kByte);
}

Tensor gaussian_bits(const Tensor& centred, const Tensor& scales) {
  const Tensor magnitude = at::abs(centred);
  const Tensor inverse = at::reciprocal(scales) * M_SQRT1_2;
  const Tensor upper = at::erfc((magnitude - 0.5) * inverse);
  const Tensor lower = at::erfc((magnitude + 0.5) * inverse);
  return sum_bits((upper - lower) * 0.5);
}

CodecImpl::CodecImpl(const CodecDescription& d, int64_t rate_points) {
  g_a = register_module("g_a", Network(d.g_a, d.g_a, rate_points));
  g_s = register_module("g_s", Network(d.g_s, d.g_a, rate_points));
  if (!d.factorised()) {
    h_a = register_module("h_a", Network(d.h_a, d.h_a, rate_points));
    h_s = register_module("h_s", Network(d.h_s, d.h_a, rate_points));
  }
  if (!d.h_scales.empty()) h_scales = register_module("h_scales", ScaleNetwork(d.h_scales, d.h_a));
  const int64_t channels = d.factorised() ? d.latent_channels : d.hyper_channels;
  prior = register_module("entropy_bottleneck", FactorisedPrior(channels));
}

Tensor CodecImpl::analyse(const Tensor& x, const Pass& pass) {
  const Tensor in = channels_last(x.to(pass.dtype));
  return g_a->analyse(in, pass).to(at::kFloat);
}

Tensor CodecImpl::synthesise(const Tensor& y_hat, const Pass& pass, MapSize size) {
  return g_s->synthesise(channels_last(y_hat.to(pass.dtype)), pass, size).to(at::kFloat);
}

CodecOutput CodecImpl::code_factorised(const Tensor& y, const Pass& pass, bool training) {
  CodecOutput out;
  out.y_hat = round_ste(y);
  out.y_bits = prior->bits(training ? add_noise(y, pass.generator) : out.y_hat);
  out.z_bits = at::zeros_like(out.y_bits);
  return out;
}

CodecOutput CodecImpl::code(const Tensor& y, const Pass& pass, Quantisation quantisation,
                            const SearchAim& aim, const Synthesise& synthesise) {
  const bool training = quantisation == Quantisation::kTraining;
  if (factorised()) return code_factorised(y, pass, training);
  const MapSize y_size = {y.size(2), y.size(3)};
  const Tensor z = h_a->analyse(y.to(pass.dtype), pass).to(at::kFloat);
  const Tensor z_hat = round_ste(z);

  Tensor means = h_s->synthesise(z_hat.to(pass.dtype), pass, y_size).to(at::kFloat);
  Tensor scales, indexes;
  if (h_scales.is_empty()) {
    const auto halves = means.chunk(2, 1);  // the paper's h_s: scales, then means
    scales = lower_bound(halves[0], kScaleMin);
    means = halves[1];
    if (!training || quantiser) indexes = scale_indexes(scales);
  } else {
    const Tensor real = h_scales(z_hat, y_size, !training);
    scales = at::exp(real * kLogScaleStep + kLogScaleMin);
    if (!training || quantiser) indexes = at::round(real.detach()).clamp(0, kScales - 1).to(at::kByte);
  }
  Tensor centred = y - means;
  if (aim.rounds > 0) {
    // The gradient goes straight to y.
    centred = centred + search_symbols(at::round(centred), means, scales, aim, synthesise, pass.generator);
  }
  const Tensor symbols = round_ste(centred);
  Tensor decoded = symbols;
  CodecOutput out;
  out.z_bits = prior->bits(training ? add_noise(z, pass.generator) : z_hat);
  out.y_bits = gaussian_bits(training ? add_noise(centred, pass.generator) : symbols, scales);
  if (quantiser) {
    const auto [values, bits] = quantiser->quantise(centred, indexes, pass.rate);
    decoded = centred + (values - centred).detach();
    if (!training) out.y_bits = bits;
  }
  if (!training) {
    out.symbols = symbols;
    out.scale_indexes = indexes;
  }
  out.y_hat = decoded + means;
  return out;
}

CodecOutput CodecImpl::forward(const Tensor& x, Pass pass, Quantisation quantisation, const SearchAim& aim) {
  const auto picture = [&](const Tensor& y_hat) { return synthesise(y_hat, pass, {x.size(2), x.size(3)}); };
  CodecOutput out = code(analyse(x, pass), pass, quantisation, aim, picture);
  out.x_hat = picture(out.y_hat);
  return out;
}

}  // namespace compass::train
