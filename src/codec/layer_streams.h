// Layers' symbols to their streams, and back: one stream for a layer, or one for each block of a tiled one
// (bitstream/blocks.h), all of them side by side.
#pragma once

#include <string>
#include <vector>

#include "codec/layer_blocks.h"
#include "codec/layer_synthesis.h"
#include "codec/receiver.h"

namespace compass {

// Encodes a layer's z, y and coefficients. Error: kFailure, as encode_layer (entropy/layer_coder.h).
Result<LayerStream> write_layer(const PyramidNetworks& networks, const SpatialLayer& layer,
                                const LayerLatents& latents);

// Decodes what was received, of layers from `first` on: of every layer the coefficients and y_hat of the
// needed latents. Stops at the
// first layer that is lost: its only stream is, or all of its needed blocks are. Of other blocks that are
// lost, symbols and coefficients are 0. All that is lost adds a line to `damage`.
std::vector<LayerLatents> read_layers(PyramidNetworks& networks, LayerSynthesis& synthesis,
                                      const LayerSizes& layers, std::vector<ReceivedLayer> received,
                                      std::vector<std::string>& damage, size_t first = 0);

// Bytes that reading and writing layers' blocks holds on every thread.
double block_bytes(const PyramidNetworks& networks, const SpatialLayer& layer);

}  // namespace compass
