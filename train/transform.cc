#include "transform.h"

namespace compass::train {
namespace {

std::vector<Op> with_conv(const Network& network, bool upsamples) {
  std::vector<Op> found;
  for (const auto& op : network->ops) {
    const nn::Op& spec = op->spec;
    const bool convolves = spec.kind == nn::OpKind::kConv || spec.kind == nn::OpKind::kSubpel;
    if (convolves && (spec.up() > 1) == upsamples) found.push_back(op);
  }
  return found;
}

}  // namespace

Transform transform_of(const Codec& codec) {
  const auto analysis = with_conv(codec->g_a, false);
  const auto up = with_conv(codec->g_s, true);
  const auto flat = with_conv(codec->g_s, false);
  TORCH_CHECK(
      analysis.size() == 3 && up.size() == 2 && flat.size() == 1 && analysis[1]->spec.stride == 2,
      "a linear start and more latents need three convolutions in g_a, two subpel and one conv in g_s");
  return {analysis[0]->conv, analysis[1]->conv, analysis[2]->conv, flat[0]->conv, up[0], up[1]};
}

std::vector<std::pair<Op, double>> latent_gains(Codec& codec) {
  std::vector<std::pair<Op, double>> gains;
  const auto& down = codec->g_a->ops;
  const auto& up = codec->g_s->ops;
  if (down.back()->spec.kind == nn::OpKind::kRateGain) gains.emplace_back(down.back(), 1.0);
  if (up.front()->spec.kind == nn::OpKind::kRateGain) gains.emplace_back(up.front(), -1.0);
  return gains;
}

Tensor columns(const Tensor& maps) {
  return maps.permute({0, 2, 3, 1}).reshape({-1, maps.size(1)});
}

// A uniform quantiser of interval s errs by s^2/12 and costs -log2(s) bits. The loss has lambda times the
// mean over three colours of the squared error, so that s^2 = 18 / (ln 2 lambda), in units of 1/255.
std::vector<double> set_gains(Codec& codec, const std::vector<double>& rate_points, int64_t first) {
  std::vector<double> gains;
  for (const double lambda : rate_points) gains.push_back(255.0 * std::sqrt(lambda * M_LN2 / 18.0));
  for (auto& [op, sign] : latent_gains(codec)) {
    for (size_t p = 0; p < gains.size(); ++p)
      op->log_gain[static_cast<int64_t>(p)].slice(0, first).fill_(sign * std::log(gains[p]));
  }
  return gains;
}

}  // namespace compass::train
