// What an encoder is made of, for the files that implement it.
#pragma once

#include <optional>
#include <vector>

#include "codec/encoder.h"
#include "codec/layer_analysis.h"
#include "codec/layer_search.h"
#include "codec/layer_synthesis.h"
#include "codec/runtime.h"

namespace compass {

class GrowingFile;
struct NextLayer;

struct Encoder::Parts : CodecRuntime {
  Parts(std::shared_ptr<const Model> m, const CodecOptions& o) : CodecRuntime(std::move(m), o) {}

  LayerAnalysis analysis{networks, buffers};
  LayerSearch search{networks, buffers};

  // How much errors count where in the layers of the picture that is being encoded; none: everywhere the
  // same.
  std::vector<std::optional<VisualWeights>> weights;
  const VisualWeights* weights_of(int k) const {
    return static_cast<size_t>(k) < weights.size() && weights[k] ? &*weights[k] : nullptr;
  }
  // Fills in `weights`, and adds to the settings' maps, from layer `first` on. After check().
  void tune(const Original& picture, int first, EncodeSettings& settings);

  int effort_for(Size picture, const EncodeSettings& settings);
  // `grows`: whether layers are added one by one, the one below being kept beside its copy (GrowingFile).
  Status check(const Original& picture, const EncodeSettings& settings, int effort, bool grows = false);
  // After check().
  Result<EncodedPicture> encode(const Original& picture, const EncodeSettings& settings, int effort);
  // The same with settings.targets, which are not empty.
  Result<EncodedPicture> encode_to_targets(const Original& picture, const EncodeSettings& settings,
                                           int effort);
  Result<EncodedPicture> append(GrowingFile& growing, const Original& picture, const NextLayer& layer,
                                const EncodeSettings& settings, int effort);
  Result<LayerStream> encode_layer(const SpatialLayer& layer, const Original& picture,
                                   const EncodeSettings& settings, int effort, bool reconstruct,
                                   ImageView& x_hat);
};

// What encoding a layer takes, in analyses of a pixel.
double layer_work(Size layer, int effort, bool reconstruct);

}  // namespace compass
