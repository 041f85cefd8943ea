// One layer's way through the networks, tile by tile, both ways.
//
//   encoding:  prediction -> residual -> g_a -> y -> h_a -> z;  z -> h_s -> scales, means;  q = round(y -
//   means) decoding:  z -> h_s -> scales, means;  y_hat = q + means;  g_s -> x_hat;  x_hat + prediction
//
// The base layer is the case without a prediction.
#pragma once

#include <memory>
#include <vector>

#include "codec/codec_options.h"
#include "codec/patch.h"
#include "codec/predictor.h"
#include "model/networks.h"

namespace compass {

// What is coded for a layer, and what h_s says about it. Memory order [h,w,C].
struct LayerLatents {
  std::vector<int32_t> z;
  std::vector<int32_t> y;
  HyperParameters hyper;
};

// The networks of all layers: the base codec, the enhancement codec that all enhancement layers share, LIFF.
class LayerNetworks {
 public:
  LayerNetworks(std::shared_ptr<const Model> model, nn::Context& context, PredictionKind prediction);

  // Which layer of which pyramid a call is about.
  struct Place {
    const std::vector<Size>& sizes;  // of all layers
    int k = 0;
    float rate = 0.0F;  // position on the rate-point axis
    Size size() const { return sizes[k]; }
  };

  // y of the whole layer. `below` is layer k-1's reconstruction, null for the base layer.
  Tensor analyse(const Place& place, const Image& original, const Patch* below);

  // Hyper analysis and quantisation of y.
  LayerLatents quantise(const Place& place, const Tensor& y);

  // h_s: what y's symbols are to be decoded with.
  HyperParameters hyper_synthesise(const Place& place, std::span<const int32_t> z);

  // The reconstruction of rectangle `want`, unclamped. `below` holds below_footprint(place, want).
  Patch reconstruct(const Place& place, const LayerLatents& latents, const Patch* below, Rect want);
  Rect below_footprint(const Place& place, Rect want) const;

  Size latent_size(const Place& place) { return codec(place.k).latent_size(place.size()); }
  Size hyper_size(const Place& place) { return codec(place.k).hyper_size(place.size()); }
  CodecNetworks& codec(int k) { return k == 0 ? base_ : *enhancement_; }
  const CodecNetworks& codec(int k) const { return k == 0 ? base_ : *enhancement_; }
  Predictor& predictor() { return *predictor_; }

 private:
  // Pixels whose prediction g_s and the sum need for `want`.
  Rect prediction_rect(const Place& place, Rect want) const;

  std::shared_ptr<const Model> model_;
  CodecNetworks base_;
  std::unique_ptr<CodecNetworks> enhancement_;
  std::unique_ptr<Predictor> predictor_;
};

// Tiles are this many pixels a side: large enough that halos cost little, small enough to bound memory.
inline constexpr int kTileSide = 1024;

}  // namespace compass
