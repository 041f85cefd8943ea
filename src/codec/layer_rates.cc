#include "codec/layer_rates.h"

#include <algorithm>

namespace compass {

LayerRates::LayerRates(const Model& model, double quality, const QualityMap& map, Size layer)
    : rate_(model.rate_position(quality)), grid_(quality_squares(layer)) {
  for (const int8_t offset : map.offsets) {
    squares_.push_back(model.rate_position(std::clamp(quality + offset, 0.0, 100.0)));
  }
}

nn::RateField LayerRates::field() const {
  if (squares_.empty()) return rate_;
  return {rate_, squares_.data(), grid_.height, grid_.width};
}

}  // namespace compass
