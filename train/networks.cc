#include "networks.h"

#include "convolution.h"
#include "gdn.h"
#include "graph/geometry.h"
#include "layout.h"

namespace compass::train {
namespace {

constexpr double kActivationStep = 1.0 / 16.0;  // of the integer network's inner maps

// GDN's effective parameters from the stored ones.
Tensor effective(const Tensor& stored, double minimum) {
  const Tensor bounded = lower_bound(stored, std::sqrt(minimum + nn::kGdnPedestal));
  return bounded * bounded - nn::kGdnPedestal;
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

Tensor activate(Tensor x, nn::Act act) {
  switch (act) {
    case nn::Act::kRelu:
      return at::relu_(x);
    case nn::Act::kLeakyRelu:
      return at::leaky_relu_(x, nn::kLeakySlope);
    case nn::Act::kNone:
      break;
  }
  return x;
}

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
  // On CPUs LibTorch 1.13 has no bf16 transposed convolution that is right: some throw, others give wrong
  // sums.
  if (transposed && x.is_cpu() && x.scalar_type() != at::kFloat) {
    return at::conv_transpose2d(x.to(at::kFloat), weight, bias, stride, kernel / 2, stride - 1)
        .to(x.scalar_type());
  }
  const Tensor w = weight.to(x.scalar_type());
  const Tensor b = bias.to(x.scalar_type());
  if (transposed) return at::conv_transpose2d(x, w, b, stride, kernel / 2, stride - 1);
  return convolve(x, w, b, stride);
}

OpImpl::OpImpl(const nn::Op& spec, int64_t rate_points) : spec(spec) {
  const int64_t in = spec.in, out = spec.out, kernel = spec.kernel;
  const int64_t area = int64_t{spec.factor} * spec.factor;
  switch (spec.kind) {
    case nn::OpKind::kConv:
    case nn::OpKind::kDeconv:
      conv = register_module("conv", Conv(in, out, kernel, spec.stride, spec.kind == nn::OpKind::kDeconv));
      break;
    case nn::OpKind::kSubpel:
      conv = register_module("conv", Conv(in, out * area, kernel, 1));
      break;
    case nn::OpKind::kGdn:
    case nn::OpKind::kIgdn:
      beta = register_parameter("beta", torch::full({in}, std::sqrt(1.0 + nn::kGdnPedestal)));
      gamma = register_parameter("gamma", at::sqrt(0.1 * torch::eye(in) + nn::kGdnPedestal));
      break;
    case nn::OpKind::kRes: {
      conv1 = register_module("conv1", Conv(in, spec.hidden, kernel, 1));
      conv2 = register_module("conv2", Conv(spec.hidden, out, kernel, 1));
      // Starts as the identity: depth can be added to a trained network without disturbing it.
      const torch::NoGradGuard guard;
      conv1->weight.mul_(std::sqrt(2.0));
      conv2->weight.zero_();
      break;
    }
    case nn::OpKind::kCondition: {
      conv = register_module("conv", Conv(in * area, out, kernel, 1));
      const torch::NoGradGuard guard;
      conv->weight.zero_();
      break;
    }
    case nn::OpKind::kRateGain:
      log_gain = register_parameter("log_gain", torch::zeros({rate_points, in}));
      break;
    case nn::OpKind::kUnshuffle:
    case nn::OpKind::kShuffle:
      break;
    case nn::OpKind::kIntConv:
      TORCH_CHECK(false, "int_conv is an op of scale networks alone");
  }
}

Tensor OpImpl::forward(const Tensor& x, const Pass& pass) {
  switch (spec.kind) {
    case nn::OpKind::kConv:
    case nn::OpKind::kDeconv:
      return activate(conv(x), spec.act);
    case nn::OpKind::kSubpel:
      return activate(at::pixel_shuffle(conv(x), spec.factor), spec.act);
    case nn::OpKind::kUnshuffle:
      return at::pixel_unshuffle(x, spec.factor);
    case nn::OpKind::kShuffle:
      return at::pixel_shuffle(x, spec.factor);
    case nn::OpKind::kGdn:
    case nn::OpKind::kIgdn: {
      const Tensor g = effective(gamma, 0.0).to(x.scalar_type());
      const Tensor b = effective(beta, nn::kGdnMinBeta).to(x.scalar_type());
      return gdn(x, g, b, /*inverse=*/spec.kind == nn::OpKind::kIgdn);
    }
    case nn::OpKind::kRes:
      return x + conv2(activate(conv1(x), spec.act));
    case nn::OpKind::kCondition: {
      const Tensor seen = pad_to(pass.prediction.to(x.scalar_type()), spec.factor);
      return x + conv(at::pixel_unshuffle(seen, spec.factor));
    }
    case nn::OpKind::kRateGain: {
      const int64_t last = log_gain.size(0) - 1;
      const Tensor low = pass.rate.floor().clamp(0, std::max<int64_t>(last - 1, 0));
      const Tensor part = (pass.rate - low).unsqueeze(1);
      const Tensor row = low.to(at::kLong);
      const Tensor next = (row + 1).clamp_max(last);
      const Tensor v = log_gain.index_select(0, row) * (1 - part) + log_gain.index_select(0, next) * part;
      return x * at::exp(v).to(x.scalar_type()).unsqueeze(-1).unsqueeze(-1);
    }
    case nn::OpKind::kIntConv:
      break;
  }
  TORCH_CHECK(false, "int_conv is an op of scale networks alone");
}

std::vector<MapSize> synthesis_sizes(const std::vector<nn::Op>& mirror, const std::vector<nn::Op>& ops,
                                     MapSize size) {
  const auto heights = nn::synthesis_extents(mirror, ops, static_cast<int>(size.height));
  const auto widths = nn::synthesis_extents(mirror, ops, static_cast<int>(size.width));
  std::vector<MapSize> sizes;
  for (size_t i = 0; i < heights.size(); ++i) sizes.push_back({heights[i], widths[i]});
  return sizes;
}

NetworkImpl::NetworkImpl(const std::vector<nn::Op>& specs, const std::vector<nn::Op>& mirror,
                         int64_t rate_points)
    : specs(specs), mirror(mirror) {
  for (size_t i = 0; i < specs.size(); ++i) {
    ops.push_back(register_module(std::to_string(i), Op(specs[i], rate_points)));
  }
}

Tensor NetworkImpl::analyse(Tensor x, const Pass& pass) {
  for (auto& op : ops) x = op(pad_to(x, op->spec.align), pass);
  return x;
}

Tensor NetworkImpl::synthesise(Tensor x, const Pass& pass, MapSize size) {
  const std::vector<MapSize> sizes = synthesis_sizes(mirror, specs, size);
  for (size_t i = 0; i < ops.size(); ++i) x = crop_to(ops[i](x, pass), sizes[i + 1]);
  return x;
}

ScaleNetworkImpl::ScaleNetworkImpl(const std::vector<nn::Op>& specs, const std::vector<nn::Op>& mirror)
    : specs(specs), mirror(mirror) {
  for (size_t i = 0; i < specs.size(); ++i) {
    const nn::Op& op = specs[i];
    convs.push_back(
        register_module(std::to_string(i), Conv(op.in, op.out * op.factor * op.factor, op.kernel, 1)));
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
  const std::vector<MapSize> sizes = synthesis_sizes(mirror, specs, size);
  Tensor x = z.clamp(-nn::kMaxHyperSymbol, nn::kMaxHyperSymbol);
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
    // Not by Winograd's algorithm: sums of integers are exact in floats, in any order, but its points are no
    // integers.
    x = at::conv2d(x, wq, bq, 1, convs[i]->kernel / 2);
    // floor(x + 1/2): the integer network's rounding shift.
    if (!last || exact) x = x + (at::floor(x + 0.5) - x).detach();
    // The last op's bound lets gradients through that would raise an index, so none can die at 0.
    x = (last ? lower_bound(x, 0.0) : x.clamp_min(0)).clamp_max(specs[i].limit);
    if (specs[i].factor > 1) x = at::pixel_shuffle(x, specs[i].factor);
    x = crop_to(x, sizes[i + 1]);
  }
  return x;
}

}  // namespace compass::train
