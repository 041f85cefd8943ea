#include "stage.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace compass::train {
namespace {

constexpr double kLastRate = 0.01;  // of the stage's rate: decays end here, not at a standstill

double decayed(Decay decay, double part) {
  switch (decay) {
    case Decay::kLinear:
      return 1.0 - part;
    case Decay::kCosine:
      return 0.5 * (1.0 + std::cos(M_PI * part));
    case Decay::kHalve3:
      return std::pow(0.5, std::floor(part * 3.0));
    case Decay::kHalve4:
      return std::pow(0.5, std::floor(part * 4.0));
    case Decay::kConstant:
      break;
  }
  return 1.0;
}

}  // namespace

bool Stage::trains(const std::string& part) const {
  return std::find(train.begin(), train.end(), part) != train.end();
}

// Every interval of the axis is walked through during its share of the turn.
torch::Tensor Stage::rate_place(const torch::Tensor& turn, size_t points) const {
  if (rate_shares.empty()) return turn * (static_cast<double>(points) - 1.0);
  const double sum = std::accumulate(rate_shares.begin(), rate_shares.end(), 0.0);
  torch::Tensor place = torch::zeros_like(turn);
  double before = 0.0;
  for (const double share : rate_shares) {
    place += ((turn * sum - before) / share).clamp(0.0, 1.0);
    before += share;
  }
  return place;
}

double Stage::rate_at(int64_t step) const {
  const double warm =
      warmup > 0 ? std::min(1.0, static_cast<double>(step + 1) / static_cast<double>(warmup)) : 1.0;
  const double part = static_cast<double>(step) / static_cast<double>(steps);
  return rate * warm * std::max(decayed(decay, part), kLastRate);
}

}  // namespace compass::train
