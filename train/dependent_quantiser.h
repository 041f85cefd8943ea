// The encoder's dependent quantisation (entropy/trellis.h) in training form: with it, networks learn to
// decode what the shipped codec makes of y. It is what `encode --effort 0` does: one path through the
// trellis, at a constant price of errors.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>
#include <vector>

#include "model_file/model.h"

namespace compass::train {

using torch::Tensor;

class DependentQuantiser {
 public:
  // The trellis and the tables of one of a model's codecs, which must have them, for networks of these rate
  // points.
  DependentQuantiser(std::shared_ptr<const Model> model, CodecKind kind, std::vector<double> rate_points);

  struct Quantised {
    Tensor values;  // [B,M,h,w]
    Tensor bits;    // [B], by the tables
  };
  // y less its means, [B,M,h,w], with its scale indexes (uint8), at positions `rate` [B] on the rate axis.
  // Constants to gradients.
  Quantised quantise(const Tensor& centred, const Tensor& indexes, const Tensor& rate) const;

 private:
  std::shared_ptr<const Model> model_;
  CodecKind kind_;
  std::vector<double> rate_points_;
};

// Those of a whole system; null unless a stage names a model.
struct LayerQuantisers {
  std::shared_ptr<const DependentQuantiser> base, enhancement;

  // A model file's, whose numbers of latents must be those of `description`. Its rate points may be others:
  // steps are those of the same lambda, or of the nearest one that it has. Throws c10::Error saying what does
  // not fit.
  static LayerQuantisers of_model(const std::string& path, const Description& description);
};

}  // namespace compass::train
