// Inter-layer prediction: what layer k looks like, told from layer k-1 (COMPASS, section 3.2).
#pragma once

#include <memory>
#include <vector>

#include "codec/patch.h"
#include "model/liff.h"
#include "model/model.h"

namespace compass {

// LIFF's part of the prediction, or only what it is added to. Bicubic alone is the paper's ablation.
enum class PredictionKind { kLiff, kBicubic };

class Predictor {
 public:
  // `model` must be layered; `context` must outlive the predictor.
  Predictor(const std::shared_ptr<const Model>& model, nn::Context& context, PredictionKind kind);

  // Pixels `out` of the prediction of a picture of size geometry.target, as a map [3,h,w], unclamped. `below`
  // must hold footprint(geometry, out).
  Tensor predict(const Patch& below, const Liff::Geometry& geometry, Rect out);
  Rect footprint(const Liff::Geometry& geometry, Rect out) const;

  double cost(Size below, Size target) const;  // multiply-adds

 private:
  bool adds_bicubic() const { return kind_ == PredictionKind::kBicubic || liff_.adds_bicubic(); }
  PredictionKind kind_;
  nn::Context& context_;
  Liff liff_;
};

// The sizes that make layer k's prediction (k >= 1), with the model's rule for the scale token.
Liff::Geometry prediction_geometry(const Model& model, const std::vector<Size>& sizes, int k);

}  // namespace compass
