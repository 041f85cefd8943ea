// Inter-layer prediction: what layer k looks like, told from layer k-1 (COMPASS, section 3.2).
#pragma once

#include <memory>
#include <vector>

#include "codec/image_view.h"
#include "model_file/model.h"
#include "networks/liff.h"

namespace compass {

// LIFF's part of the prediction, or only what it is added to. Bicubic alone is the paper's ablation.
enum class PredictionKind { kLiff, kBicubic };

class Predictor {
 public:
  // `model` must be layered; `context` must outlive the predictor.
  Predictor(const std::shared_ptr<const Model>& model, nn::Context& context);

  void set_kind(PredictionKind kind) { kind_ = kind; }

  // Pixels `out` of the prediction of a picture of size geometry.target, unclamped, into a map that holds the
  // target's pixels `map_part`. `below` must hold footprint(geometry, out).
  void predict(const ImageView& below, const Liff::Geometry& geometry, Rect out, Rect map_part, Tensor& map);
  Rect footprint(const Liff::Geometry& geometry, Rect out) const;

  // What LIFF's part of that takes; null where there is none.
  std::shared_ptr<const LiffPlan> plan(const Liff::Geometry& geometry, Rect out) const;

  double cost(Size below, Size target) const;  // multiply-adds

 private:
  bool adds_bicubic() const { return kind_ == PredictionKind::kBicubic || liff_.adds_bicubic(); }
  PredictionKind kind_ = PredictionKind::kLiff;
  nn::Context& context_;
  Liff liff_;
  Tensor below_;
};

// Whether a picture of size `have` is predicted at `wanted` rather than resampled: where no side shrinks, and
// the model has what predicts.
bool is_predicted(Size have, Size wanted, const Model& model);

// The sizes that make layer k's prediction (k >= 1), with the model's rule for the scale token.
Liff::Geometry prediction_geometry(const Model& model, const std::vector<Size>& sizes, int k);

}  // namespace compass
