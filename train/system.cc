#include "system.h"

#include <algorithm>

#include "pyramid.h"
#include "transform.h"

namespace compass::train {
namespace {

// Starts the latents' gain vectors where uniform quantisation would want them: steps proportional to
// lambda^(-1/2). Those between blocks start at 1.
void start_gains(Codec& codec, const std::vector<double>& rate_points) {
  const torch::NoGradGuard guard;
  const double middle = 0.5 * (std::log(rate_points.front()) + std::log(rate_points.back()));
  for (auto& [op, sign] : latent_gains(codec)) {
    for (size_t p = 0; p < rate_points.size(); ++p) {
      op->log_gain[static_cast<int64_t>(p)].fill_(sign * 0.5 * (std::log(rate_points[p]) - middle));
    }
  }
}

// Scales the first convolution of g_a up and the last one of g_s down: latents start a few steps wide, and
// reconstructions start near the prediction.
void set_ranges(CodecImpl& codec, double gain) {
  const torch::NoGradGuard guard;
  const auto convolves = [](const Op& op) { return !op->conv.is_empty(); };
  auto& down = codec.g_a->ops;
  auto& up = codec.g_s->ops;
  if (const auto first = std::find_if(down.begin(), down.end(), convolves); first != down.end()) {
    (*first)->conv->weight.mul_(gain);
  }
  if (const auto last = std::find_if(up.rbegin(), up.rend(), convolves); last != up.rend()) {
    (*last)->conv->weight.mul_(0.1 / gain);
  }
}

// x, whose gradient will be `factor` times what it would be.
Tensor scale_gradient(const Tensor& x, double factor) {
  if (factor == 1.0) return x;
  const Tensor value = x.detach();
  return factor == 0.0 ? value : value + (x - value) * factor;
}

}  // namespace

SystemImpl::SystemImpl(const Description& d, const std::optional<MeiDescription>& m)
    : description(d), rate_points(d.rate_points) {
  const auto points = static_cast<int64_t>(rate_points.size());
  base = register_module("base", Codec(d.base, points));
  start_gains(base, rate_points);
  set_ranges(*base, 4.0);
  if (d.enhancement) {
    enhancement = register_module("enhancement", Codec(*d.enhancement, points));
    start_gains(enhancement, rate_points);
    set_ranges(*enhancement, 16.0);  // residuals are an order smaller than pictures
    liff = register_module("liff", Liff(*d.liff, d.nearest));
  }
  if (m) {
    mei = register_module("mei", Mei(*m));
    for (MeiLayer& layer : mei->layers) set_ranges(*layer, 4.0);
  }
}

Tensor SystemImpl::lambda(const Tensor& rate) const {
  const auto count = static_cast<int64_t>(rate_points.size());
  const Tensor logs = at::log(torch::tensor(rate_points, torch::kFloat)).to(rate.device());
  const Tensor low = rate.floor().clamp(0, std::max<int64_t>(count - 2, 0)).to(at::kLong);
  const Tensor high = (low + 1).clamp_max(count - 1);
  const Tensor part = rate - low.to(at::kFloat);
  return at::exp(logs.index_select(0, low) * (1 - part) + logs.index_select(0, high) * part);
}

Tensor SystemImpl::predict(const Tensor& below, MapSize size, MapSize first, Prediction prediction,
                           at::ScalarType dtype) {
  Tensor predicted;
  if (prediction == Prediction::kBicubic || description.liff->bicubic_residual) {
    predicted = resize_bicubic(below, size.height, size.width);
  }
  if (prediction == Prediction::kLiff) {
    const MapSize token = description.scale_token == ScaleToken::kFirst ? first : size;
    const Tensor filtered = liff(below, size, token, dtype);
    predicted = predicted.defined() ? predicted + filtered : filtered;
  }
  return predicted;
}

// Layers learn together: gradients pass from one to the next, but not to the base codec.
std::vector<LayerOutput> SystemImpl::forward_mei(const std::vector<Tensor>& layers, const Pass& common,
                                                 Quantisation quantisation) {
  TORCH_CHECK(layers.size() <= 1 + mei->layers.size(), "this system has ", 1 + mei->layers.size(), " layers");
  std::vector<LayerOutput> outputs;
  Tensor below;
  for (size_t k = 0; k < layers.size(); ++k) {
    const Tensor& x = layers[k];
    CodecOutput coded;
    if (k == 0) {
      coded = base(x, common, quantisation);
      below = coded.y_hat.detach();
    } else {
      coded = mei->code(k - 1, x, below, common, quantisation);
    }
    LayerOutput out;
    out.original = x;
    out.reconstruction = coded.x_hat;
    out.bpp = (coded.y_bits + coded.z_bits) / static_cast<double>(x.size(2) * x.size(3));
    out.mse = at::square(out.reconstruction - x).mean({1, 2, 3});
    out.symbols = coded.symbols;
    out.scale_indexes = coded.scale_indexes;
    outputs.push_back(std::move(out));
  }
  return outputs;
}

std::vector<LayerOutput> SystemImpl::forward(const std::vector<Tensor>& layers, const Pass& common,
                                             Prediction prediction, Quantisation quantisation,
                                             double between_layers) {
  if (!mei.is_empty()) return forward_mei(layers, common, quantisation);
  std::vector<LayerOutput> outputs;
  for (size_t k = 0; k < layers.size(); ++k) {
    LayerOutput out;
    out.original = layers[k];
    const MapSize size = {layers[k].size(2), layers[k].size(3)};
    Pass pass = common;
    const LoopFilter& filter = filters.of_layer(k);
    SearchAim aim{search_rounds, layers[k], lambda(common.rate), {}};
    if (!filter.empty()) {
      aim.correction = [&](const Tensor& x_hat) {
        return filter.best_correction(out.prediction.defined() ? x_hat + out.prediction : x_hat,
                                      out.original);
      };
    }
    CodecOutput coded;
    if (k == 0) {
      coded = base(layers[0], pass, quantisation, aim);
      out.reconstruction = coded.x_hat;
    } else {
      // The base layer is a codec of its own: enhancement layers give it no gradients.
      const Tensor below = scale_gradient(outputs[k - 1].reconstruction, k == 1 ? 0.0 : between_layers);
      const MapSize first = {layers[1].size(2), layers[1].size(3)};
      out.prediction = predict(below, size, first, prediction, common.dtype);
      pass.prediction = out.prediction;
      aim.wanted = layers[k] - out.prediction;
      coded = enhancement(aim.wanted, pass, quantisation, aim);
      out.reconstruction = coded.x_hat + out.prediction;
    }
    out.bpp = (coded.y_bits + coded.z_bits) / static_cast<double>(size.height * size.width);
    out.symbols = coded.symbols;
    out.scale_indexes = coded.scale_indexes;
    if (!filter.empty()) {
      out.reconstruction = out.reconstruction + filter.best_correction(out.reconstruction, out.original);
    }
    out.mse = at::square(out.reconstruction - out.original).mean({1, 2, 3});
    outputs.push_back(std::move(out));
  }
  return outputs;
}

}  // namespace compass::train
