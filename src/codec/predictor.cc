#include "codec/predictor.h"

#include "image/resize.h"

namespace compass {

Predictor::Predictor(const std::shared_ptr<const Model>& model, nn::Context& context, PredictionKind kind)
    : kind_(kind), context_(context), liff_(model, context) {}

Tensor Predictor::predict(const Patch& below, const Liff::Geometry& geometry, Rect out) {
  Tensor prediction(3, out.height, out.width);
  if (kind_ == PredictionKind::kLiff) {
    prediction = liff_.predict(to_tensor(below, liff_.footprint(geometry, out)), geometry, out);
  }
  if (adds_bicubic()) {
    const Image bicubic =
        resize_region(below.image, below.at, geometry.below, geometry.target, out, &context_.pool());
    add(prediction, to_tensor({bicubic, out}, out));
  }
  return prediction;
}

Rect Predictor::footprint(const Liff::Geometry& geometry, Rect out) const {
  Rect need;
  if (kind_ == PredictionKind::kLiff) need = liff_.footprint(geometry, out);
  if (adds_bicubic()) need = united(need, resize_footprint(geometry.below, geometry.target, out));
  return need;
}

double Predictor::cost(Size below, Size target) const {
  if (kind_ == PredictionKind::kBicubic) return 0.0;
  const auto cost = liff_.cost(below, target);
  return cost.features + cost.filters;
}

Liff::Geometry prediction_geometry(const Model& model, const std::vector<Size>& sizes, int k) {
  const bool first = model.description().scale_token == ScaleToken::kFirst;
  return {sizes[k - 1], sizes[k], first ? sizes[1] : sizes[k]};
}

}  // namespace compass
