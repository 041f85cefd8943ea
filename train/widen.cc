#include "widen.h"

#include <iostream>

#include "pyramid.h"

namespace compass::train {
namespace {

constexpr int64_t kDescent = 30;  // steps
constexpr double kStride = 0.08;  // of a channel's standard deviation, at the first step

// Whether the tensor can fill the first entries of the parameter.
bool fits(const TensorView& view, const Tensor& parameter) {
  if (static_cast<int64_t>(view.shape.size()) != parameter.dim()) return false;
  for (int64_t d = 0; d < parameter.dim(); ++d)
    if (view.shape[d] > parameter.size(d)) return false;
  return true;
}

// The latents of a codec in the file, where the one here has more; else 0.
int64_t fewer_latents(const System& system, const Safetensors& file, const std::string& codec) {
  for (const auto& item : system->named_parameters()) {
    if (item.key().rfind(codec, 0) != 0 || !item.key().ends_with(".log_gain")) continue;
    const TensorView* view = file.find(item.key());
    const bool fewer = view != nullptr && view->shape.size() == 2 && view->shape[1] < item.value().size(1);
    return fewer ? view->shape[1] : 0;
  }
  return 0;
}

struct Examples {
  std::vector<Tensor> inputs;       // [B,3,H,W], sides multiples of 16
  std::vector<Tensor> predictions;  // undefined for the base codec
};

// The convolutions around the latents, as linear_start.cc lays them out.
struct Waist {
  Conv measure;  // g_a: stride 2, from 1/8 to 1/16
  Conv to_latents, from_latents;
  Layer join;  // g_s: sub-pixel, from 1/16 to 1/8
  Conv paint;  // g_s: to pixels
};

Waist waist_of(const Codec& codec) {
  std::vector<Layer> down, up, flat;
  for (const auto& layer : codec->g_a->layers)
    if (layer->op == "conv") down.push_back(layer);
  for (const auto& layer : codec->g_s->layers) {
    if (layer->op == "subpel") up.push_back(layer);
    if (layer->op == "conv") flat.push_back(layer);
  }
  TORCH_CHECK(down.size() == 3 && up.size() == 2 && flat.size() == 1 && down[1]->factor == 2,
              "latents can be added where g_a has three convolutions, g_s two subpel and one conv");
  return {down[1]->conv, down[2]->conv, flat[0]->conv, up[0], up[1]->conv};
}

struct Maps {
  Tensor seen;     // g_a's map at 1/8, [B,c,h,w]
  Tensor latents;  // [B,M,h/2,w/2], not rounded
  Tensor joined;   // g_s's map at 1/8
};

Tensor tail(Codec& codec, const Waist& waist, Tensor x, const Pass& pass, MapSize size) {
  bool after = false;
  for (auto& layer : codec->g_s->layers) {
    if (after) x = layer(x, pass, size);
    after = after || layer.get() == waist.join.get();
  }
  return x;
}

Maps run(Codec& codec, const Waist& waist, const Tensor& input, const Pass& pass) {
  Maps maps;
  Tensor x = input;
  for (auto& layer : codec->g_a->layers) {
    if (!layer->conv.is_empty() && layer->conv.get() == waist.measure.get()) maps.seen = x;
    x = layer(x, pass, MapSize{});
  }
  maps.latents = x;
  for (auto& layer : codec->g_s->layers) {
    x = layer(x, pass, MapSize{maps.seen.size(2), maps.seen.size(3)});
    if (layer.get() == waist.join.get()) break;
  }
  maps.joined = x;
  return maps;
}

// The correction to `joined` that brings g_s nearest to `wanted`: Adam, a step per channel, falling to zero.
Tensor correction(Codec& codec, const Waist& waist, const Maps& maps, const Tensor& wanted, const Pass& pass,
                  double before_after[2]) {
  const Tensor stride = kStride * maps.seen.std(std::vector<int64_t>{0, 2, 3}, false, true);
  Tensor delta = torch::zeros_like(maps.joined), first = torch::zeros_like(delta),
         second = torch::zeros_like(delta);
  for (int64_t i = 0; i < kDescent; ++i) {
    delta = delta.detach().requires_grad_(true);
    const Tensor made = tail(codec, waist, maps.joined + delta, pass, {wanted.size(2), wanted.size(3)});
    const Tensor error = at::square(made - wanted).mean();
    before_after[i == 0 ? 0 : 1] = error.item<double>();
    const Tensor gradient = torch::autograd::grad({error}, {delta})[0];
    const torch::NoGradGuard guard;
    first = 0.8 * first + 0.2 * gradient;
    second = 0.95 * second + 0.05 * at::square(gradient);
    const double n = static_cast<double>(i + 1), left = 1.0 - static_cast<double>(i) / kDescent;
    const Tensor step =
        first / (1.0 - std::pow(0.8, n)) / (at::sqrt(second / (1.0 - std::pow(0.95, n))) + 1e-12);
    delta = delta - left * stride * step;
  }
  return delta.detach();
}

// [B,C,H,W] -> [B*H*W,C]
Tensor columns(const Tensor& maps) {
  return maps.permute({0, 2, 3, 1}).reshape({-1, maps.size(1)});
}

void widen_codec(Codec& codec, int64_t known, const Examples& examples,
                 const std::vector<double>& rate_points, const char* name) {
  const Waist waist = waist_of(codec);
  const int64_t latents = waist.to_latents->weight.size(0), added = latents - known;
  std::vector<Tensor> seen, wanted, spreads;
  double before = 0.0, after = 0.0;
  const Tensor weight = waist.paint->weight.detach().norm(2, std::vector<int64_t>{0, 2, 3});  // [c]
  for (size_t i = 0; i < examples.inputs.size(); ++i) {
    const auto& input = examples.inputs[i];
    const Tensor rate =
        torch::full({input.size(0)}, static_cast<double>(rate_points.size()) - 1.0, input.device());
    const Pass pass{rate, examples.predictions[i], at::kFloat, {}};
    Maps maps;
    {
      const torch::NoGradGuard guard;
      maps = run(codec, waist, input, pass);
    }
    double errors[2] = {0.0, 0.0};
    const Tensor delta = correction(codec, waist, maps, input, pass, errors);
    before += errors[0] / static_cast<double>(examples.inputs.size());
    after += errors[1] / static_cast<double>(examples.inputs.size());
    wanted.push_back(columns(at::pixel_unshuffle(delta * weight.view({1, -1, 1, 1}), 2)));
    seen.push_back(at::im2col(maps.seen, {3, 3}, {1, 1}, {1, 1}, {2, 2}).transpose(1, 2).flatten(0, 1));
    spreads.push_back(columns(maps.latents.slice(1, 0, known)).std(0));
  }
  const torch::NoGradGuard guard;

  // Principal components of the corrections, in units of pixels.
  const Tensor target = at::cat(wanted).to(at::kDouble);
  const Tensor covariance = at::matmul(target.t(), target) / static_cast<double>(target.size(0));
  const auto [values, vectors] = at::linalg_eigh(covariance);  // ascending
  const Tensor axes = vectors.flip(1).slice(1, 0, added);      // [4c,added]
  const Tensor unweighted = axes / weight.to(at::kDouble).repeat_interleave(4).unsqueeze(1);
  waist.join->conv->weight.slice(1, known).select(3, 0).select(2, 0).copy_(unweighted);

  // What g_a needs to measure them: ridge regression from 3x3 neighbourhoods.
  const Tensor x = at::cat(seen).to(at::kDouble);
  const Tensor mean = x.mean(0, true), centred = x - mean;
  const Tensor amounts = at::matmul(target, axes);
  Tensor normal = at::matmul(centred.t(), centred);
  normal += 1e-3 * normal.diagonal().mean() * torch::eye(normal.size(0), normal.options());
  const Tensor solution = at::linalg_solve(normal, at::matmul(centred.t(), amounts - amounts.mean(0, true)));
  waist.measure->weight.slice(0, known).copy_(
      solution.t().reshape({added, waist.measure->weight.size(1), 3, 3}));
  waist.measure->bias.slice(0, known).copy_((amounts.mean(0, true) - at::matmul(mean, solution)).squeeze(0));
  const Tensor measured = at::matmul(centred, solution);
  const Tensor missed = at::square(amounts - amounts.mean(0, true) - measured).sum() /
                        at::square(amounts - amounts.mean(0, true)).sum();

  const Tensor same = torch::eye(latents).slice(0, known);
  waist.to_latents->weight.slice(0, known).select(3, 0).select(2, 0).copy_(same);
  waist.from_latents->weight.slice(0, known).select(3, 0).select(2, 0).copy_(same);

  // Quantiser steps: as linear_start.cc, with the squared error's mean over three colours.
  std::vector<double> gains;
  for (const double lambda : rate_points) gains.push_back(255.0 * std::sqrt(lambda * M_LN2 / 18.0));
  for (const auto& [network, sign] : {std::pair{codec->g_a, 1.0}, std::pair{codec->g_s, -1.0}}) {
    for (auto& layer : network->layers) {
      if (layer->op != "rate_gain") continue;
      for (size_t p = 0; p < gains.size(); ++p)
        layer->log_gain[static_cast<int64_t>(p)].slice(0, known).fill_(sign * std::log(gains[p]));
    }
  }
  // Scales follow the picture as those of the last third of the old latents do, shifted by their spread.
  if (!codec->h_scales.is_empty()) {
    const Tensor old =
        at::stack(spreads).mean(0).to(at::kDouble).clamp_min(1e-6).log().slice(0, known * 2 / 3);
    const Tensor fresh = (measured.std(0) * gains.back()).clamp_min(1e-6).log();
    Conv last = codec->h_scales->convs.back();
    const Tensor like = last->weight.slice(0, known * 2 / 3, known).mean(0, true);
    last->weight.slice(0, known).copy_(like.expand_as(last->weight.slice(0, known)));
    const Tensor shift = (fresh - old.mean()) / kLogScaleStep;
    last->bias.slice(0, known).copy_(last->bias.slice(0, known * 2 / 3, known).mean() + shift);
  }
  std::cout << name << ": " << added << " latents added; squared error of the old alone " << before * 65025.0
            << ", with free corrections " << after * 65025.0 << "; g_a misses "
            << missed.item<double>() * 100.0 << " % of their energy" << std::endl;
}

}  // namespace

KnownLatents copy_weights(System& system, const Safetensors& file) {
  const torch::NoGradGuard guard;
  const KnownLatents known = {fewer_latents(system, file, "base."),
                              fewer_latents(system, file, "enhancement.")};
  for (auto& item : system->named_parameters()) {
    const bool widened = (known.base > 0 && item.key().rfind("base.", 0) == 0) ||
                         (known.enhancement > 0 && item.key().rfind("enhancement.", 0) == 0);
    const TensorView* view = file.find(item.key());
    const bool same = view != nullptr && view->shape == item.value().sizes().vec();
    if (!same && (view == nullptr || !widened || !fits(*view, item.value()))) {
      std::cout << "fresh: " << item.key() << "\n";
      continue;
    }
    auto values = view->floats();
    TORCH_CHECK(values.ok(), item.key(), ": ", values.ok() ? "" : values.error().message);
    Tensor place = item.value().zero_();
    for (size_t d = 0; d < view->shape.size(); ++d)
      place = place.slice(static_cast<int64_t>(d), 0, view->shape[d]);
    place.copy_(torch::from_blob(values->data(), view->shape));
  }
  return known;
}

void widen(System& system, const KnownLatents& known, const std::vector<Picture>& pictures,
           const WidenExamples& examples, std::mt19937_64& random) {
  const torch::Device device = system->base->parameters().front().device();
  const int64_t quarter = std::max<int64_t>(1, examples.batch / 4);
  Examples small, large;
  for (int64_t i = 0; i < examples.batches; ++i) {
    const Tensor top = random_patches(pictures, examples.batch, 2 * examples.side, 3.0, random);
    small.inputs.push_back(resize_bicubic(top, examples.side, examples.side).to(device));
    small.predictions.emplace_back();
    large.inputs.push_back(top.slice(0, 0, quarter).to(device));
  }
  if (known.base > 0) widen_codec(system->base, known.base, small, system->rate_points, "base");
  if (known.enhancement == 0) return;
  for (int64_t i = 0; i < examples.batches; ++i) {
    const torch::NoGradGuard guard;
    const Tensor below = small.inputs[i].slice(0, 0, quarter);
    const Tensor rate = torch::full({quarter}, static_cast<double>(system->rate_points.size()) - 1.0, device);
    const Pass pass{rate, {}, at::kFloat, {}};
    const Tensor lower = system->base(below, pass, Quantisation::kRounding).x_hat;
    large.predictions.push_back(
        system->predict(lower, {2 * examples.side, 2 * examples.side}, Prediction::kLiff, at::kFloat));
    large.inputs[i] = large.inputs[i] - large.predictions.back();
  }
  widen_codec(system->enhancement, known.enhancement, large, system->rate_points, "enhancement");
}

}  // namespace compass::train
