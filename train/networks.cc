#include "networks.h"

#include "convolution.h"
#include "gdn.h"
#include "layout.h"

namespace compass::train {
using nlohmann::json;

namespace {

constexpr double kActivationStep = 1.0 / 16.0;  // of the integer network's inner maps

Tensor activate(Tensor x, const std::string& act) {
  if (act == "relu") return at::relu_(x);
  if (act == "leaky_relu") return at::leaky_relu_(x, 0.01);
  return x;
}

// GDN's parameters as the reference stores them: effective value = max(stored, bound)^2 - 2^-36.
constexpr double kPedestal = 1.0 / 68719476736.0;  // 2^-36
Tensor effective(const Tensor& stored, double minimum) {
  const Tensor bounded = lower_bound(stored, std::sqrt(minimum + kPedestal));
  return bounded * bounded - kPedestal;
}

struct LowerBound : torch::autograd::Function<LowerBound> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, double bound) {
    context->save_for_backward({x});
    context->saved_data["bound"] = bound;
    return x.clamp_min(bound);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grad) {
    const Tensor x = context->get_saved_variables()[0];
    const double bound = context->saved_data["bound"].toDouble();
    const Tensor pass = (x >= bound).logical_or(grad[0] < 0);
    return {grad[0] * pass.to(grad[0].dtype()), Tensor()};
  }
};

}  // namespace

Tensor round_ste(const Tensor& x) {
  return x + (at::round(x) - x).detach();
}

Tensor lower_bound(const Tensor& x, double bound) {
  return LowerBound::apply(x, bound);
}

Tensor pad_to(const Tensor& x, int64_t align) {
  const int64_t top = (align - x.size(2) % align) % align;
  const int64_t left = (align - x.size(3) % align) % align;
  // Copies of the first row and column: LibTorch 1.13 has no bf16 replication pad.
  Tensor padded = x;
  if (top > 0) padded = at::cat({padded.slice(2, 0, 1).expand({-1, -1, top, -1}), padded}, 2);
  if (left > 0) padded = at::cat({padded.slice(3, 0, 1).expand({-1, -1, -1, left}), padded}, 3);
  return padded;
}

Tensor crop_to(const Tensor& x, MapSize size) {
  const int64_t top = x.size(2) - size.height;
  const int64_t left = x.size(3) - size.width;
  if (top == 0 && left == 0) return x;
  return x.slice(2, top).slice(3, left);
}

ConvImpl::ConvImpl(int64_t in, int64_t out, int64_t kernel, int64_t stride, bool transposed)
    : kernel(kernel), stride(stride), transposed(transposed) {
  const std::vector<int64_t> shape = transposed ? std::vector<int64_t>{in, out, kernel, kernel}
                                                : std::vector<int64_t>{out, in, kernel, kernel};
  // Variance-preserving start: std = 1/sqrt(fan_in).
  const double fan_in = static_cast<double>(in * kernel * kernel) / (transposed ? stride * stride : 1);
  // Channels last, as the kernels want it: otherwise every pass would reorder every weight.
  weight = register_parameter("weight", channels_last(torch::randn(shape) / std::sqrt(fan_in)));
  bias = register_parameter("bias", torch::zeros({out}));
}

Tensor ConvImpl::forward(const Tensor& x) {
  const Tensor w = weight.to(x.scalar_type());
  const Tensor b = bias.to(x.scalar_type());
  if (transposed) return at::conv_transpose2d(x, w, b, stride, kernel / 2, stride - 1);
  return convolve(x, w, b, stride);
}

LayerImpl::LayerImpl(const json& spec, const std::vector<double>& rate_points)
    : op(spec.at("op")), act(spec.value("act", "none")) {
  const auto number = [&](const char* key, int64_t fallback) { return spec.value(key, fallback); };
  if (op == "conv") {
    const int64_t stride = number("stride", 1);
    align = number("align", stride);
    factor = stride;
    conv = register_module("conv", Conv(spec.at("in"), spec.at("out"), number("kernel", 3), stride));
  } else if (op == "deconv") {
    factor = number("stride", 2);
    upsamples = true;
    conv = register_module("conv", Conv(spec.at("in"), spec.at("out"), number("kernel", 5), factor, true));
  } else if (op == "subpel") {
    factor = spec.at("factor");
    upsamples = true;
    const int64_t out = spec.at("out");
    conv = register_module("conv", Conv(spec.at("in"), out * factor * factor, number("kernel", 3), 1));
  } else if (op == "unshuffle") {
    factor = align = spec.at("factor");
  } else if (op == "shuffle") {
    factor = spec.at("factor");
    upsamples = true;
  } else if (op == "gdn" || op == "igdn") {
    const int64_t c = spec.at("channels");
    beta = register_parameter("beta", torch::full({c}, std::sqrt(1.0 + kPedestal)));
    gamma = register_parameter("gamma", at::sqrt(0.1 * torch::eye(c) + kPedestal));
  } else if (op == "res") {
    const int64_t c = spec.at("channels"), k = number("kernel", 3), hidden = number("hidden", c);
    conv1 = register_module("conv1", Conv(c, hidden, k, 1));
    conv2 = register_module("conv2", Conv(hidden, c, k, 1));
    // Starts as the identity: depth can be added to a trained network without disturbing it.
    const torch::NoGradGuard guard;
    conv1->weight.mul_(std::sqrt(2.0));
    conv2->weight.zero_();
  } else if (op == "condition") {
    factor = spec.at("factor");
    conv = register_module(
        "conv", Conv(spec.at("in").get<int64_t>() * factor * factor, spec.at("out"), number("kernel", 1), 1));
    const torch::NoGradGuard guard;
    conv->weight.zero_();
  } else if (op == "rate_gain") {
    log_gain = register_parameter(
        "log_gain", torch::zeros({static_cast<int64_t>(rate_points.size()), spec.at("channels")}));
  } else {
    TORCH_CHECK(false, "unknown op '", op, "' in the model description");
  }
}

Tensor LayerImpl::forward(Tensor x, const Pass& pass, MapSize target) {
  if (op == "conv") {
    x = activate(conv(pad_to(x, align)), act);
  } else if (op == "deconv") {
    x = activate(crop_to(conv(x), target), act);
  } else if (op == "subpel") {
    x = activate(crop_to(at::pixel_shuffle(conv(x), factor), target), act);
  } else if (op == "unshuffle") {
    x = at::pixel_unshuffle(pad_to(x, factor), factor);
  } else if (op == "shuffle") {
    x = crop_to(at::pixel_shuffle(x, factor), target);
  } else if (op == "gdn" || op == "igdn") {
    const Tensor g = effective(gamma, 0.0).to(x.scalar_type());
    const Tensor b = effective(beta, 1e-6).to(x.scalar_type());
    x = gdn(x, g, b, /*inverse=*/op == "igdn");
  } else if (op == "res") {
    x = x + conv2(activate(conv1(x), act));
  } else if (op == "condition") {
    x = x + conv(at::pixel_unshuffle(pad_to(pass.prediction.to(x.scalar_type()), factor), factor));
  } else if (op == "rate_gain") {
    const int64_t last = log_gain.size(0) - 1;
    const Tensor low = pass.rate.floor().clamp(0, std::max<int64_t>(last - 1, 0));
    const Tensor part = (pass.rate - low).unsqueeze(1);
    const Tensor row = low.to(at::kLong);
    const Tensor next = (row + 1).clamp_max(last);
    const Tensor v = log_gain.index_select(0, row) * (1 - part) + log_gain.index_select(0, next) * part;
    x = x * at::exp(v).to(x.scalar_type()).unsqueeze(-1).unsqueeze(-1);
  }
  return x;
}

NetworkImpl::NetworkImpl(const json& specs, const std::vector<double>& rate_points) {
  for (size_t i = 0; i < specs.size(); ++i) {
    layers.push_back(register_module(std::to_string(i), Layer(specs[i], rate_points)));
  }
}

Tensor NetworkImpl::analyse(Tensor x, const Pass& pass) {
  for (auto& layer : layers) x = layer(x, pass, MapSize{});
  return x;
}

Tensor NetworkImpl::synthesise(Tensor x, const Pass& pass, MapSize size) {
  int64_t cumulative = 1;
  for (const auto& layer : layers) {
    if (layer->upsamples) cumulative *= layer->factor;
  }
  for (auto& layer : layers) {
    if (layer->upsamples) cumulative /= layer->factor;
    const MapSize target = {(size.height + cumulative - 1) / cumulative,
                            (size.width + cumulative - 1) / cumulative};
    x = layer(x, pass, target);
    if (layer->op == "conv" && layer->align > 1) x = crop_to(x, target);
  }
  return x;
}

ScaleNetworkImpl::ScaleNetworkImpl(const json& specs) {
  for (size_t i = 0; i < specs.size(); ++i) {
    const auto& spec = specs[i];
    const int64_t factor = spec.value("factor", 1);
    const int64_t out = spec.at("out");
    factors.push_back(factor);
    limits.push_back(spec.value("limit", 255));
    convs.push_back(register_module(std::to_string(i),
                                    Conv(spec.at("in"), out * factor * factor, spec.value("kernel", 3), 1)));
  }
  const torch::NoGradGuard guard;
  convs.front()->weight.mul_(0.5);
  convs.back()->weight.mul_(2.0);
  convs.back()->bias.fill_(20.0);  // sigma = 1.3: the middle of what latents need
}

ScaleNetworkImpl::Integers ScaleNetworkImpl::integers(size_t i) {
  const torch::NoGradGuard guard;
  const double in_step = i == 0 ? 1.0 : kActivationStep;
  const double out_step = i + 1 == convs.size() ? 1.0 : kActivationStep;
  const Tensor w = convs[i]->weight.to(at::kDouble) * (in_step / out_step);
  // The largest power of two that keeps every weight of an output within int8.
  const Tensor peak = w.abs().amax({1, 2, 3}).clamp_min(1e-6);
  const Tensor shift = at::floor(at::log2(127.0 / peak)).clamp(0, 14);
  const Tensor scale = at::pow(2.0, shift);
  const Tensor weight = at::round(w * scale.view({-1, 1, 1, 1})).clamp(-127, 127);
  const Tensor bias = at::round(convs[i]->bias.to(at::kDouble) / out_step * scale);
  return {weight.to(at::kLong), bias.to(at::kLong), shift.to(at::kLong)};
}

Tensor ScaleNetworkImpl::forward(Tensor z, MapSize size, bool exact) {
  int64_t cumulative = 1;
  for (const int64_t f : factors) cumulative *= f;
  Tensor x = z.clamp(-127, 127);
  for (size_t i = 0; i < convs.size(); ++i) {
    const bool last = i + 1 == convs.size();
    const double in_step = i == 0 ? 1.0 : kActivationStep;
    const double out_step = last ? 1.0 : kActivationStep;
    // Values in units of their step, weights rounded as `integers` rounds them, gradients straight through.
    const auto q = integers(i);
    const Tensor scale = at::pow(2.0, q.shift.to(at::kDouble)).to(at::kFloat);
    const Tensor w = convs[i]->weight * (in_step / out_step);
    const Tensor b = convs[i]->bias / out_step;
    const Tensor wq = w + (q.weight.to(at::kFloat) / scale.view({-1, 1, 1, 1}) - w).detach();
    const Tensor bq = b + (q.bias.to(at::kFloat) / scale - b).detach();
    // Not Winograd's way: these are sums of integers, which floats add exactly as they are, in any order.
    x = at::conv2d(x, wq, bq, 1, convs[i]->kernel / 2);
    // floor(x + 1/2): the integer network's rounding shift.
    if (!last || exact) x = x + (at::floor(x + 0.5) - x).detach();
    // The last layer's bound lets gradients through that would raise an index, so none can die at 0.
    x = (last ? lower_bound(x, 0.0) : x.clamp_min(0)).clamp_max(static_cast<double>(limits[i]));
    if (factors[i] > 1) {
      cumulative /= factors[i];
      x = at::pixel_shuffle(x, factors[i]);
      x = crop_to(x,
                  {(size.height + cumulative - 1) / cumulative, (size.width + cumulative - 1) / cumulative});
    }
  }
  return x;
}

}  // namespace compass::train
