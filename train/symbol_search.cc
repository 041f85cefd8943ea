#include "symbol_search.h"

#include <cmath>

#include "codec/search_constants.h"
#include "networks.h"

namespace compass::train {
namespace {

// The change of bits of symbols of these magnitudes when they grow or shrink by one (0 grows either way).
struct BitChanges {
  Tensor outwards, inwards;
};
BitChanges bit_changes(const Tensor& magnitudes, const Tensor& scales) {
  const Tensor inverse = at::reciprocal(scales) * M_SQRT1_2;
  const auto tail = [&](double from) { return at::erfc((magnitudes + from) * inverse); };
  const auto bits = [](const Tensor& likelihood) {
    return at::log2((0.5 * likelihood).clamp_min(kLikelihoodFloor)).neg();
  };
  const Tensor a = tail(-1.5), b = tail(-0.5), c = tail(0.5), d = tail(1.5);
  const Tensor now = bits(b - c);
  return {bits(c - d) - now, bits(a - b) - now};
}

// Half the second derivative of the weighted squared error by each channel's elements, [B,M,1,1]: for
// independent signs n, the mean of (J^T n)^2 is the diagonal of J^T J.
Tensor curvatures(const Tensor& pulled_back) {
  const auto positions = static_cast<double>(pulled_back.size(2) * pulled_back.size(3));
  const Tensor own = 0.5 * at::square(pulled_back).mean({2, 3}, true);
  const Tensor mean = own.mean(1, true);
  const Tensor steadied = (own * positions + mean * kSearchPrior) / (positions + kSearchPrior);
  return kSearchCaution * at::min(at::max(steadied, mean / kSearchFarthest), mean * kSearchFarthest);
}

}  // namespace

Tensor search_symbols(const Tensor& symbols, const Tensor& means, const Tensor& scales, const SearchAim& aim,
                      const std::function<Tensor(const Tensor& y_hat)>& synthesise,
                      const at::Generator& generator) {
  const Tensor from = symbols.detach(), centre = means.detach(), spread = scales.detach();
  // The squared error's second derivative: lambda 255^2 / 3 a sample, twice.
  const Tensor weight =
      (kSearchErrorWeight * 255.0 * 255.0 * 2.0 / 3.0 * aim.lambda.detach()).view({-1, 1, 1, 1});
  Tensor found = from, curvature;
  for (int64_t round = 0; round < aim.rounds; ++round) {
    const Tensor y_hat = (found + centre).requires_grad_();
    Tensor x_hat;
    {
      const torch::AutoGradMode on(true);
      x_hat = synthesise(y_hat);
    }
    const torch::NoGradGuard off;
    const auto pull_back = [&](const Tensor& x, bool again) {
      return torch::autograd::grad({x_hat}, {y_hat}, {x}, again)[0];
    };
    Tensor error = x_hat.detach() - aim.wanted.detach();
    if (round > 0 && aim.correction) error = error + aim.correction(x_hat.detach());
    const Tensor gradient = pull_back(weight * error, round == 0);
    if (round == 0) {
      const Tensor signs = at::where(at::rand(x_hat.sizes(), generator, error.options()) < 0.5,
                                     -at::ones_like(error), at::ones_like(error));
      curvature = curvatures(pull_back(at::sqrt(weight) * signs, false));
    }
    const BitChanges bits = bit_changes(at::abs(found), spread);
    const Tensor positive = found >= 0;
    const Tensor up = gradient + curvature + at::where(positive, bits.outwards, bits.inwards);
    const Tensor down = curvature - gradient + at::where(positive, bits.inwards, bits.outwards);
    const double wanted =
        kSearchFirstGain * (1.0 - static_cast<double>(round + 1) / static_cast<double>(aim.rounds));
    const Tensor moves = (at::min(up, down) < -wanted)
                             .logical_and(at::rand(up.sizes(), generator, up.options()) < kSearchMoved)
                             .to(found.scalar_type());
    found = found + moves * at::where(up < down, at::ones_like(found), -at::ones_like(found));
  }
  return found - from;
}

}  // namespace compass::train
