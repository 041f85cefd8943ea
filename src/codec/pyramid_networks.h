// The networks of all layers: the base codec, the enhancement codec that all enhancement layers share, LIFF.
#pragma once

#include <algorithm>
#include <memory>

#include "codec/layer.h"
#include "codec/meter.h"
#include "codec/predictor.h"
#include "networks/networks.h"

namespace compass {

class PyramidNetworks {
 public:
  // `context` must outlive the networks.
  PyramidNetworks(std::shared_ptr<const Model> model, nn::Context& context);

  const Model& model() const { return *model_; }
  nn::Context& context() const { return context_; }
  // To be told of every tile.
  Meter& meter() { return meter_; }

  // Those of layer k; only layers k >= 1 of a layered model are predicted.
  CodecNetworks& codec(int k) { return k == 0 ? base_ : *enhancement_; }
  const CodecNetworks& codec(int k) const { return k == 0 ? base_ : *enhancement_; }
  Predictor& predictor() { return *predictor_; }
  const Predictor& predictor() const { return *predictor_; }
  // The loop filter of layer k; may be empty.
  const FilterWeights& filter(int k) const { return model_->weights(codec_of_layer(k)).filter; }

  // How predictor() predicts from now on.
  void set_prediction(PredictionKind kind) {
    if (predictor_) predictor_->set_kind(kind);
  }
  // Prepares the backward passes that a search needs (codec/layer_search.h); false if a g_s has none.
  bool make_search() { return base_.make_backward() && (!enhancement_ || enhancement_->make_backward()); }

  Size latent_size(const SpatialLayer& layer) const { return codec(layer.k).latent_size(layer.size()); }
  Size hyper_size(const SpatialLayer& layer) const { return codec(layer.k).hyper_size(layer.size()); }

  // Pixels a side that layer k's latents stand for.
  int latent_side(int k) const {
    constexpr int kLarge = 4096;
    return kLarge / codec(k).latent_size({kLarge, kLarge}).width;
  }

  // Pixels a side of the tiles that layer k's g_a and g_s run on.
  int tile_side(int k) const { return k == 0 ? base_side_ : enhancement_side_; }
  // Limits the side of tiles, for tests that results do not depend on them.
  void limit_tiles(int side) {
    base_side_ = std::min(base_side_, side);
    enhancement_side_ = std::min(enhancement_side_, side);
  }

  // Bytes of the model's weights, as read and as packed for kernels. Packed, f32 weights may become
  // Winograd's 36 points for 9 values.
  double weight_bytes() const {
    const double packed = context_.compute() == nn::Element::kF32 ? 4.0 * 36.0 / 9.0 : 4.0;
    return (4.0 + packed) * static_cast<double>(model_->parameters());
  }

 private:
  std::shared_ptr<const Model> model_;
  nn::Context& context_;
  CodecNetworks base_;
  std::unique_ptr<CodecNetworks> enhancement_;
  std::unique_ptr<Predictor> predictor_;
  Meter meter_;
  int base_side_ = 0;
  int enhancement_side_ = 0;
};

}  // namespace compass
