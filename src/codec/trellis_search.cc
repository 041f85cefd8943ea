#include "codec/trellis_search.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "codec/image_view.h"
#include "codec/search_constants.h"

namespace compass {
namespace {

// No target moves further in a round, whatever a gradient says: where curvatures were measured on a flat part,
// edges would overshoot from round to round.
constexpr float kFarthestMove = 1.0F;

// The share by which targets follow the gradient of a round.
float share_of(int round, int rounds) {
  if (round == 0) return 1.0F;
  const double done = rounds > 2 ? (round - 1) / (rounds - 2.0) : 0.0;
  return static_cast<float>(kTrellisShare * std::pow(kTrellisLastShare / kTrellisShare, done));
}

}  // namespace

TrellisSearch::TrellisSearch(const TrellisQuantiser& quantiser, Rect tile, std::span<const float> weights,
                             nn::Context& context, TileBuffers& buffers, LayerLatents& latents)
    : quantiser_(quantiser), tile_(tile), weights_(weights), context_(context), buffers_(buffers) {
  const Tensor& y = latents.y_hat;
  Tensor& targets = buffers_.targets;
  targets.reshape(y.channels, tile.height, tile.width);
  const size_t count = static_cast<size_t>(tile.width) * y.channels;
  for_rows(context_.pool(), tile.height,
           [&](int row) { std::copy_n(y.pixel(tile.y + row, tile.x), count, targets.pixel(row, 0)); });
}

void TrellisSearch::move(int round, const Tensor& gradient, const SymbolSearch& search,
                         LayerLatents& latents) {
  const auto curvature = search.curvature();
  const float share = share_of(round, search.rounds());
  for_rows(context_.pool(), tile_.height, [&](int row) {
    float* target = buffers_.targets.pixel(row, 0);
    const float* g = gradient.pixel(row, 0);
    const float* value = latents.y_hat.pixel(tile_.y + row, tile_.x);
    const uint8_t* index = latents.indexes.data() + (value - latents.y_hat.data.data());
    for (int x = 0; x < tile_.width; ++x) {
      const float here = weights_.empty() ? 1.0F : weights_[static_cast<size_t>(row) * tile_.width + x];
      for (const float c : curvature) {
        // What is not coded stays where it is: an exception must be one of y's own.
        const float own = *index++ != 0 ? share : 0.0F;
        const float wanted = *value++ - *g++ / (2.0F * c * here);
        *target += own * std::clamp(wanted - *target, -kFarthestMove, kFarthestMove);
        ++target;
      }
    }
  });
  std::vector<float> weights(curvature.begin(), curvature.end());
  if (round == 0) {
    for (float& weight : weights) weight *= static_cast<float>(kTrellisFirstWeight);
  }
  quantise(weights, latents);
}

void TrellisSearch::quantise(std::span<const float> weights, LayerLatents& latents) {
  const nn::StageTimer timer(context_.times(), "search", 0.0);
  Tensor& y_hat = latents.y_hat;
  const size_t stride = static_cast<size_t>(y_hat.width) * y_hat.channels;
  const auto first = static_cast<size_t>(y_hat.pixel(tile_.y, tile_.x) - y_hat.data.data());
  quantiser_.run({tile_.size(),
                  {latents.indexes.data() + first, stride},
                  {buffers_.targets.data.data(), static_cast<size_t>(tile_.width) * y_hat.channels},
                  {latents.means.data.data() + first, stride},
                  {latents.y.data() + first, stride},
                  {y_hat.data.data() + first, stride},
                  {weights_.data(), static_cast<size_t>(tile_.width)}},
                 weights, context_.pool(), buffers_.trellis);
}

}  // namespace compass
