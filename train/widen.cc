#include "widen.h"

#include <iostream>

#include "entropy/scales.h"
#include "pyramid.h"
#include "transform.h"
#include "weights_file.h"

namespace compass::train {
namespace {

constexpr int64_t kDescent = 30;  // steps
constexpr double kStride = 0.08;  // of a channel's standard deviation, at the first step

// Whether the tensor can fill the first entries of the parameter.
bool fits(const Tensor& tensor, const Tensor& parameter) {
  if (tensor.dim() != parameter.dim()) return false;
  for (int64_t d = 0; d < parameter.dim(); ++d)
    if (tensor.size(d) > parameter.size(d)) return false;
  return true;
}

// The latents of a codec in the file, where the one here has more; else 0.
int64_t fewer_latents(const System& system, const Safetensors& file, const std::string& codec) {
  for (const auto& item : system->named_parameters()) {
    if (item.key() != codec + "g_s.0.log_gain") continue;  // g_s begins with the latents' gains
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

struct Maps {
  Tensor seen;     // g_a's map at 1/8, [B,c,h,w]
  Tensor latents;  // [B,M,h/2,w/2], not rounded
  Tensor joined;   // g_s's map at 1/8
};

// Inputs are such that nothing needs padding or cropping.
Tensor tail(Codec& codec, const Transform& transform, Tensor x, const Pass& pass) {
  bool after = false;
  for (auto& op : codec->g_s->ops) {
    if (after) x = op(x, pass);
    after = after || op.get() == transform.join.get();
  }
  return x;
}

Maps run(Codec& codec, const Transform& transform, const Tensor& input, const Pass& pass) {
  Maps maps;
  Tensor x = input;
  for (auto& op : codec->g_a->ops) {
    if (!op->conv.is_empty() && op->conv.get() == transform.measure.get()) maps.seen = x;
    x = op(x, pass);
  }
  maps.latents = x;
  for (auto& op : codec->g_s->ops) {
    x = op(x, pass);
    if (op.get() == transform.join.get()) break;
  }
  maps.joined = x;
  return maps;
}

struct Correction {
  Tensor delta;                      // to Maps::joined
  double before = 0.0, after = 0.0;  // mean squared errors
};

// The correction that brings g_s nearest to `wanted`: Adam, a step per channel, falling to zero.
Correction correction(Codec& codec, const Transform& transform, const Maps& maps, const Tensor& wanted,
                      const Pass& pass) {
  const Tensor stride = kStride * maps.seen.std(std::vector<int64_t>{0, 2, 3}, false, true);
  Correction found;
  Tensor delta = torch::zeros_like(maps.joined), first = torch::zeros_like(delta),
         second = torch::zeros_like(delta);
  for (int64_t i = 0; i < kDescent; ++i) {
    delta = delta.detach().requires_grad_(true);
    const Tensor made = tail(codec, transform, maps.joined + delta, pass);
    const Tensor error = at::square(made - wanted).mean();
    (i == 0 ? found.before : found.after) = error.item<double>();
    const Tensor gradient = torch::autograd::grad({error}, {delta})[0];
    const torch::NoGradGuard guard;
    first = 0.8 * first + 0.2 * gradient;
    second = 0.95 * second + 0.05 * at::square(gradient);
    const double n = static_cast<double>(i + 1), left = 1.0 - static_cast<double>(i) / kDescent;
    const Tensor step =
        first / (1.0 - std::pow(0.8, n)) / (at::sqrt(second / (1.0 - std::pow(0.95, n))) + 1e-12);
    delta = delta - left * stride * step;
  }
  found.delta = delta.detach();
  return found;
}

// What examples say of the latents that a codec lacks.
struct Lack {
  Tensor weight;                     // [c], how much of a picture a unit of g_s's map at 1/8 makes
  Tensor seen;                       // [N,9c'], g_a's 3x3 neighbourhoods at 1/8, by position of y
  Tensor wanted;                     // [N,4c], corrections to g_s's map, in units of pixels
  Tensor spread;                     // [M], standard deviations of the latents there are
  double before = 0.0, after = 0.0;  // mean squared errors without and with free corrections
};

Lack collect(Codec& codec, const Transform& transform, int64_t known, const Examples& examples,
             double highest_rate) {
  Lack lack;
  lack.weight = transform.paint->conv->weight.detach().norm(2, std::vector<int64_t>{0, 2, 3});
  std::vector<Tensor> seen, wanted, spreads;
  const auto count = static_cast<double>(examples.inputs.size());
  for (size_t i = 0; i < examples.inputs.size(); ++i) {
    const auto& input = examples.inputs[i];
    const Pass pass{
        torch::full({input.size(0)}, highest_rate, input.device()), examples.predictions[i], at::kFloat, {}};
    Maps maps;
    {
      const torch::NoGradGuard guard;
      maps = run(codec, transform, input, pass);
    }
    const Correction found = correction(codec, transform, maps, input, pass);
    lack.before += found.before / count;
    lack.after += found.after / count;
    wanted.push_back(columns(at::pixel_unshuffle(found.delta * lack.weight.view({1, -1, 1, 1}), 2)));
    seen.push_back(at::im2col(maps.seen, {3, 3}, {1, 1}, {1, 1}, {2, 2}).transpose(1, 2).flatten(0, 1));
    spreads.push_back(columns(maps.latents.slice(1, 0, known)).std(0));
  }
  lack.seen = at::cat(seen).to(at::kDouble);
  lack.wanted = at::cat(wanted).to(at::kDouble);
  lack.spread = at::stack(spreads).mean(0).to(at::kDouble);
  return lack;
}

// g_s makes the principal components of the corrections of the new latents. Returns these, [4c,added].
Tensor fill_synthesis(const Transform& transform, int64_t known, int64_t added, const Lack& lack) {
  const Tensor covariance =
      at::matmul(lack.wanted.t(), lack.wanted) / static_cast<double>(lack.wanted.size(0));
  const auto [values, vectors] = at::linalg_eigh(covariance);  // ascending
  Tensor axes = vectors.flip(1).slice(1, 0, added);
  const Tensor unweighted = axes / lack.weight.to(at::kDouble).repeat_interleave(4).unsqueeze(1);
  transform.join->conv->weight.slice(1, known).select(3, 0).select(2, 0).copy_(unweighted);
  return axes;
}

struct Measured {
  Tensor amounts;       // [N,added], what g_a makes of the new latents but for their means
  double missed = 0.0;  // what share of their energy it does not see
};

// g_a measures them by ridge regression from 3x3 neighbourhoods.
Measured fill_analysis(const Transform& transform, int64_t known, const Tensor& axes, const Lack& lack) {
  const Tensor mean = lack.seen.mean(0, true), centred = lack.seen - mean;
  const Tensor amounts = at::matmul(lack.wanted, axes), usual = amounts.mean(0, true),
               varying = amounts - usual;
  Tensor normal = at::matmul(centred.t(), centred);
  normal += 1e-3 * normal.diagonal().mean() * torch::eye(normal.size(0), normal.options());
  const Tensor solution = at::linalg_solve(normal, at::matmul(centred.t(), varying));
  transform.measure->weight.slice(0, known).copy_(
      solution.t().reshape({axes.size(1), transform.measure->weight.size(1), 3, 3}));
  transform.measure->bias.slice(0, known).copy_((usual - at::matmul(mean, solution)).squeeze(0));
  Tensor measured = at::matmul(centred, solution);
  const Tensor missed = at::square(varying - measured).sum() / at::square(varying).sum();
  return {measured, missed.item<double>()};
}

// Scales follow the picture as those of the last third of the old latents do, shifted by their spread.
void fill_scales(Codec& codec, int64_t known, const Tensor& spread, const Tensor& amounts, double gain) {
  const int64_t first = known * 2 / 3;
  const Tensor old = spread.clamp_min(1e-6).log().slice(0, first);
  const Tensor fresh = (amounts.std(0) * gain).clamp_min(1e-6).log();
  Conv last = codec->h_scales->convs.back();
  const Tensor like = last->weight.slice(0, first, known).mean(0, true);
  last->weight.slice(0, known).copy_(like.expand_as(last->weight.slice(0, known)));
  const Tensor shift = (fresh - old.mean()) / kLogScaleStep;
  last->bias.slice(0, known).copy_(last->bias.slice(0, first, known).mean() + shift);
}

void widen_codec(Codec& codec, int64_t known, const Examples& examples,
                 const std::vector<double>& rate_points, const char* name) {
  const Transform transform = transform_of(codec);
  const int64_t latents = transform.to_latents->weight.size(0), added = latents - known;
  const double highest = static_cast<double>(rate_points.size()) - 1.0;
  const Lack lack = collect(codec, transform, known, examples, highest);
  const torch::NoGradGuard guard;
  const Tensor axes = fill_synthesis(transform, known, added, lack);
  const Measured measured = fill_analysis(transform, known, axes, lack);
  const Tensor same = torch::eye(latents).slice(0, known);
  transform.to_latents->weight.slice(0, known).select(3, 0).select(2, 0).copy_(same);
  transform.from_latents->weight.slice(0, known).select(3, 0).select(2, 0).copy_(same);
  const std::vector<double> gains = set_gains(codec, rate_points, known);
  if (!codec->h_scales.is_empty()) fill_scales(codec, known, lack.spread, measured.amounts, gains.back());
  std::cout << name << ": " << added << " latents added; squared error of the old alone "
            << lack.before * 65025.0 << ", with free corrections " << lack.after * 65025.0 << "; g_a misses "
            << measured.missed * 100.0 << " % of their energy" << std::endl;
}

}  // namespace

KnownLatents copy_weights(System& system, const Safetensors& file, const std::string& path) {
  const torch::NoGradGuard guard;
  const KnownLatents known = {fewer_latents(system, file, "base."),
                              fewer_latents(system, file, "enhancement.")};
  for (auto& item : system->named_parameters()) {
    const bool widened = (known.base > 0 && item.key().rfind("base.", 0) == 0) ||
                         (known.enhancement > 0 && item.key().rfind("enhancement.", 0) == 0);
    const auto found = parameter_in(file, path, item.key(), system->rate_points);
    if (!found || (found->sizes() != item.value().sizes() && !(widened && fits(*found, item.value())))) {
      std::cout << "not in " << path << " as here: " << item.key() << "\n";
      continue;
    }
    Tensor place = item.value().zero_();
    for (int64_t d = 0; d < found->dim(); ++d) place = place.slice(d, 0, found->size(d));
    place.copy_(*found);
  }
  return known;
}

void widen(System& system, const KnownLatents& known, const std::vector<Picture>& pictures,
           const WidenExamples& examples, std::mt19937_64& random) {
  const torch::Device device = system->base->parameters().front().device();
  const int64_t quarter = std::max<int64_t>(1, examples.batch / 4);
  Examples small, large;
  for (int64_t i = 0; i < examples.batches; ++i) {
    const Tensor top = random_patches(pictures, examples.batch, {2 * examples.side, 3.0}, random);
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
