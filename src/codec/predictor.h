// Inter-layer prediction: layer k predicted from the reconstruction of layer k-1 (COMPASS, section 3.2).
#pragma once

#include <memory>
#include <vector>

#include "codec/image_view.h"
#include "model_file/model.h"
#include "networks/liff.h"

namespace compass {

// LIFF's prediction, which may be a correction to the bicubic one; or the bicubic one alone, the paper's
// ablation.
enum class PredictionKind { kLiff, kBicubic };

class Predictor {
 public:
  // `model` must be layered; `context` must outlive the predictor.
  Predictor(const std::shared_ptr<const Model>& model, nn::Context& context);

  void set_kind(PredictionKind kind) { kind_ = kind; }

  // Writes rectangle `out` of the prediction of a picture of size geometry.target, unclamped, to `map`
  // [3,h,w], which holds the target's rectangle `map_part`. `below` must hold footprint(geometry, out).
  void predict(const ImageView& below, const Liff::Geometry& geometry, Rect out, Rect map_part, Tensor& map);
  Rect footprint(const Liff::Geometry& geometry, Rect out) const;

  // LIFF's plan for that; null for the bicubic prediction.
  std::shared_ptr<const LiffPlan> plan(const Liff::Geometry& geometry, Rect out) const;

  double cost(Size below, Size target) const;  // multiply-adds

 private:
  bool adds_bicubic() const { return kind_ == PredictionKind::kBicubic || liff_.adds_bicubic(); }
  PredictionKind kind_ = PredictionKind::kLiff;
  nn::Context& context_;
  Liff liff_;
  Tensor below_;
};

// Whether a picture of size `have` is enlarged to `wanted` by prediction rather than resampled: no side
// shrinks, and the model has LIFF.
bool is_predicted(Size have, Size wanted, const Model& model);

// The sizes that make layer k's prediction (k >= 1), with the model's rule for the scale token.
Liff::Geometry prediction_geometry(const Model& model, const std::vector<Size>& sizes, int k);

}  // namespace compass
