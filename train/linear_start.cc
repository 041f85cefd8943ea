#include "linear_start.h"

#include "entropy/scales.h"
#include "pyramid.h"
#include "transform.h"

namespace compass::train {
namespace {

struct Components {
  Tensor mean;    // [n]
  Tensor rows;    // [k,n], orthonormal, most variance first
  Tensor spread;  // [k], standard deviations
};

// Principal components of samples [N,n], in double.
Components principal(const Tensor& samples, int64_t count) {
  const Tensor mean = samples.mean(0);
  const Tensor centred = samples - mean;
  const Tensor covariance = at::matmul(centred.t(), centred) / static_cast<double>(samples.size(0));
  const auto [values, vectors] = at::linalg_eigh(covariance);  // ascending
  const int64_t kept = std::min(count, samples.size(1));
  return {mean, vectors.flip(1).slice(1, 0, kept).t().contiguous(),
          values.flip(0).slice(0, 0, kept).clamp_min(1e-10).sqrt()};
}

void clear(Conv& conv) {
  conv->weight.zero_();
  conv->bias.zero_();
}

// `pictures`: [B,3,H,W] float in [0,1] (or residuals of such), sides multiples of 16.
void start_codec(Codec& codec, const Tensor& pictures, const std::vector<double>& rate_points) {
  const Transform transform = transform_of(codec);
  Conv first = transform.first, second = transform.measure, last = transform.to_latents;
  Conv widen = transform.from_latents, join = transform.join->conv, paint = transform.paint->conv;
  TORCH_CHECK(join->weight.size(0) == 4 * first->weight.size(0),
              "a linear start needs as many channels at 1/8 in g_s as in g_a");
  for (Conv conv : {first, second, last, widen, join, paint}) clear(conv);

  // 8x8 blocks, half whitened, so that small components are not lost on the residual blocks.
  const Tensor blocks = at::pixel_unshuffle(pictures, 8).to(at::kDouble);
  const Components inner = principal(columns(blocks), first->weight.size(0));
  const int64_t c1 = inner.rows.size(0);
  const Tensor whiten = inner.spread.rsqrt();
  const Tensor rows = inner.rows * whiten.unsqueeze(1);
  first->weight.slice(0, 0, c1).select(3, 1).select(2, 1).copy_(rows);
  first->bias.slice(0, 0, c1).copy_(-at::mv(rows, inner.mean));
  paint->weight.slice(1, 0, c1).select(3, 1).select(2, 1).copy_((inner.rows / whiten.unsqueeze(1)).t());
  paint->bias.copy_(inner.mean);

  // 2x2 of those; the order of pixel_unshuffle is (channel, row, column).
  const Tensor centred = blocks - inner.mean.view({1, -1, 1, 1});
  const Tensor features = at::conv2d(centred, inner.rows.unsqueeze(-1).unsqueeze(-1));
  const Components outer = principal(columns(at::pixel_unshuffle(features, 2)), second->weight.size(0));
  const int64_t c2 = outer.rows.size(0);
  const Tensor taps = outer.rows.reshape({c2, c1, 2, 2});
  second->weight.slice(0, 0, c2).slice(1, 0, c1).slice(2, 1, 3).slice(3, 1, 3).copy_(
      taps / whiten.view({1, -1, 1, 1}));
  const Tensor joined = (taps * whiten.view({1, -1, 1, 1})).permute({1, 2, 3, 0}).reshape({4 * c1, c2});
  join->weight.slice(0, 0, 4 * c1).slice(1, 0, c2).select(3, 0).select(2, 0).copy_(joined);

  const int64_t latents = last->weight.size(0);
  const Tensor same = torch::eye(latents, c2);
  last->weight.slice(1, 0, c2).select(3, 0).select(2, 0).copy_(same);
  widen->weight.slice(0, 0, c2).select(3, 0).select(2, 0).copy_(same.t());

  const std::vector<double> gains = set_gains(codec, rate_points, 0);
  if (codec->h_scales.is_empty()) return;
  const double middle = std::sqrt(gains.front() * gains.back());
  const Tensor index = (at::log(outer.spread * middle) - kLogScaleMin) / kLogScaleStep;
  const int64_t known = std::min(latents, c2);
  codec->h_scales->convs.back()->bias.slice(0, 0, known).copy_(index.slice(0, 0, known).clamp(4.0, 56.0));
}

}  // namespace

void start_linear(System& system, const std::vector<Picture>& pictures, std::mt19937_64& random) {
  const torch::NoGradGuard guard;
  constexpr int64_t kBatch = 16, kBatches = 24, kSide = 128;
  const double last_rate = static_cast<double>(system->rate_points.size()) - 1.0;
  std::vector<Tensor> small, large;
  for (int64_t i = 0; i < kBatches; ++i) {
    large.push_back(random_patches(pictures, kBatch, {2 * kSide, 3.0}, random));
    small.push_back(resize_bicubic(large.back(), kSide, kSide));
  }
  start_codec(system->base, at::cat(small), system->rate_points);
  if (system->enhancement.is_empty()) return;
  std::vector<Tensor> residuals;
  const torch::Device device = system->base->parameters().front().device();
  for (int64_t i = 0; i < kBatches; ++i) {
    const Tensor rate = at::rand({kBatch}).to(device) * last_rate;
    const Pass pass{rate, {}, at::kFloat, {}};
    const Tensor below = system->base(small[i].to(device), pass, Quantisation::kRounding).x_hat;
    residuals.push_back(large[i] - resize_bicubic(below, 2 * kSide, 2 * kSide).to(at::kCPU));
  }
  start_codec(system->enhancement, at::cat(residuals), system->rate_points);
}

}  // namespace compass::train
