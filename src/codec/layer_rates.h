// Where a layer lies on the model's rate-point axis: by its quality and, if it has one, its quality map.
#pragma once

#include <vector>

#include "bitstream/quality_map.h"
#include "model_file/model.h"
#include "nn/rate_field.h"

namespace compass {

static_assert(kQualitySquare == nn::kRateSquare);

class LayerRates {
 public:
  // `quality` 0..100; the offsets of `map` are added to it, within that range.
  LayerRates(const Model& model, double quality, const QualityMap& map, Size layer);

  // Valid as long as this object is neither moved nor destroyed.
  nn::RateField field() const;

 private:
  float rate_ = 0.0F;
  std::vector<float> squares_;  // empty: no map
  Size grid_;
};

}  // namespace compass
