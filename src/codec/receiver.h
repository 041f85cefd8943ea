// What a decoder reads of a file: the header, the metadata, and of each layer up to the one that is asked for
// the streams, or blocks (bitstream/blocks.h), that the part asked for is made from. Bytes only;
// codec/layer_streams.h makes symbols of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "codec/alpha_layers.h"
#include "codec/codec_options.h"
#include "codec/decoder.h"
#include "codec/layer_blocks.h"
#include "codec/layer_rates.h"
#include "codec/layer_synthesis.h"

namespace compass {

// Sizes and rates of a file's layers.
struct LayerSizes {
  std::vector<Size> sizes;
  std::vector<LayerRates> rates;
  SpatialLayer at(size_t k) const { return {sizes, static_cast<int>(k), rates[k].field()}; }
};

struct ReceivedBlock {
  size_t number = 0;  // among the layer's blocks of its kind
  std::vector<uint8_t> bytes;
  Status status;  // why it is lost, if it is
};

// The needed blocks of a layer. One that is not tiled has a single block of y, which holds z, too.
struct ReceivedLayer {
  NeededBlocks needed;
  std::vector<ReceivedBlock> z;
  std::vector<ReceivedBlock> y;
};

struct Received {
  ContainerHeader header;
  LayerSizes sizes;                   // of all layers
  int asked = 0;                      // the layer that settings ask for, whole or not
  std::vector<ReceivedLayer> layers;  // from the base layer on, up to the first that is lost
  std::optional<AlphaLayers> alpha;   // of these layers; none where the picture has none
  std::vector<MetadataChunk> metadata;
  std::vector<std::string> damage;  // why layers and metadata are not there, a line each
};

class Receiver {
 public:
  // All must outlive the object.
  Receiver(ByteSource& source, const LayerSynthesis& synthesis, const PyramidNetworks& networks,
           const CodecOptions& options)
      : source_(source), synthesis_(synthesis), networks_(networks), options_(options) {}

  // Reads all that `settings` ask for and nothing after it, without a gap between needed bytes being read.
  // Errors: kBadFile, kModel, kUsage, kIo, as Decoder::decode.
  Result<Received> receive(const DecodeSettings& settings);

  // The bytes that receive() would read, merged. Reads the header and the indexes. Errors: also kDamaged (an
  // index).
  Result<std::vector<ByteRange>> ranges(const DecodeSettings& settings);

  // The same layer by layer: the header, then layers 0, 1, ... in turn. One that is lost is none, and the
  // last; why is added to received().damage.
  Status open(const DecodeSettings& settings);
  Result<std::optional<ReceivedLayer>> receive_layer(int k);
  const Received& received() const { return received_; }  // after open()
  std::vector<std::string>& damage() { return received_.damage; }
  const std::vector<Rect>& wanted() const { return wanted_; }  // pixels of each layer
  // The bytes that receive_layer(k) reads. Reads the indexes, if there are any. Errors: kDamaged (one of
  // them), and whatever reading has.
  Result<std::vector<ByteRange>> layer_ranges(int k, const AlphaLayers::Read& read) const;

 private:
  // All layers and parts of a file are computed alike. Called again for each layer, since others may use the
  // networks meanwhile, for other files.
  void suit() const { networks_.context().suit(received_.sizes.sizes.back().pixels()); }
  Status read_metadata();
  // These give whether the layer is there, damage being noted where it is not.
  Result<bool> read_map(int k);
  Result<bool> read_stream(int k, ReceivedLayer& layer);
  Result<bool> read_blocks(int k, ReceivedLayer& layer);
  Result<bool> read_alpha(int k);
  Result<bool> read_layer(int k, ReceivedLayer& layer);
  Result<BlockIndex> read_index(int k);
  Result<std::vector<uint8_t>> read(ByteRange range);
  NeededBlocks needed(int k) const { return needed_blocks(networks_, received_.sizes.at(k), wanted_[k]); }

  ByteSource& source_;
  const LayerSynthesis& synthesis_;
  const PyramidNetworks& networks_;
  const CodecOptions& options_;
  uint64_t at_ = 0;  // bytes that the source has gone past
  Received received_;
  std::vector<Rect> wanted_;
};

// What of layer k the settings' part of layer `asked` covers: all of it, or of a region the smallest
// rectangle.
Rect part_of_layer(const DecodeSettings& settings, const std::vector<Size>& sizes, int asked, int k);

// From the top down: which part of each layer up to `top` the part `part` of layer `top` is made of.
std::vector<Rect> wanted_parts(const LayerSynthesis& synthesis, const LayerSizes& layers, int top, Rect part);

}  // namespace compass
