#include "codec/predictor.h"

#include "image/resize.h"

namespace compass {

Predictor::Predictor(const std::shared_ptr<const Model>& model, nn::Context& context)
    : context_(context), liff_(model, context) {}

void Predictor::predict(const ImageView& below, const Liff::Geometry& geometry, Rect out, Rect map_part,
                        Tensor& map) {
  ThreadPool& pool = context_.pool();
  const auto liff = plan(geometry, out);
  if (liff) {
    to_map(below.image, below.part, liff->below, pool, below_);
    liff_.predict(*liff, below_, map_part, map);
  }
  if (!adds_bicubic()) return;
  const nn::StageTimer timer(context_.times(), "bicubic", 0.0);
  const Image bicubic = resize_region(below.image, below.part, geometry.below, geometry.target, out, &pool);
  for_rows(pool, out.height, [&](int y) {
    float* to = map.pixel(out.y - map_part.y + y, out.x - map_part.x);
    const float* red = bicubic.row(0, y);
    const float* green = bicubic.row(1, y);
    const float* blue = bicubic.row(2, y);
    for (int x = 0; x < out.width; ++x, to += 3) {
      to[0] = liff ? to[0] + red[x] : red[x];
      to[1] = liff ? to[1] + green[x] : green[x];
      to[2] = liff ? to[2] + blue[x] : blue[x];
    }
  });
}

Rect Predictor::footprint(const Liff::Geometry& geometry, Rect out) const {
  Rect need;
  if (kind_ == PredictionKind::kLiff) need = liff_.footprint(geometry, out);
  if (adds_bicubic()) need = united(need, resize_footprint(geometry.below, geometry.target, out));
  return need;
}

std::shared_ptr<const LiffPlan> Predictor::plan(const Liff::Geometry& geometry, Rect out) const {
  return kind_ == PredictionKind::kLiff ? liff_.plan(geometry, out) : nullptr;
}

double Predictor::cost(Size below, Size target) const {
  if (kind_ == PredictionKind::kBicubic) return 0.0;
  const auto cost = liff_.cost(below, target);
  return cost.features + cost.mlp;
}

bool is_predicted(Size have, Size wanted, const Model& model) {
  return model.layered() && wanted.width >= have.width && wanted.height >= have.height;
}

Liff::Geometry prediction_geometry(const Model& model, const std::vector<Size>& sizes, int k) {
  const bool first = model.description().scale_token == ScaleToken::kFirst;
  return {sizes[k - 1], sizes[k], first ? sizes[1] : sizes[k]};
}

}  // namespace compass
