// The alpha of a file's layers: from a plane to the layers' bytes, and back to the part that is asked for.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bitstream/container.h"
#include "core/plane.h"
#include "core/thread_pool.h"
#include "entropy/alpha_below.h"

namespace compass {

// Codes `alpha`, whose size is the last one, as layers of these sizes, each scaled down as colours are.
std::vector<LayerStream> encode_alpha_layers(PlaneView alpha, const std::vector<Size>& sizes,
                                             ThreadPool& pool);

// The same of one layer. `below`: the layer below as decoded, if there is one.
LayerStream encode_alpha_layer(PlaneView alpha, const AlphaBelow& below, ThreadPool& pool);

// What a decoder needs of the layers' alpha for a part of the picture, as it is read, and then decoded.
class AlphaLayers {
 public:
  // Reads bytes of the file; fewer at its end. Offsets only grow.
  using Read = std::function<Result<std::vector<uint8_t>>(ByteRange range)>;

  // `parts[k]`: what is wanted of layer k, one for each layer that may be asked for.
  AlphaLayers(std::span<const LayerEntry> layers, const std::vector<Rect>& parts);

  // Reads layer k's blocks, after those of the layers below. Errors: kDamaged (the layer is lost), kIo.
  Status receive(const ContainerHeader& header, int k, const Read& read);

  // The bytes that receive() would read of layer k. Reads the index if there is one. Errors: kDamaged, kIo.
  Result<std::vector<ByteRange>> ranges(const ContainerHeader& header, int k, const Read& read) const;

  // Decodes layers [0, count), and hands out the last one that is whole, cut to its part. Returns how many
  // are; what is damaged adds a line to `damage`.
  int decode(int count, ThreadPool& pool, Plane& part, std::vector<std::string>& damage) const;

  // Bytes that decoding and scaling to `size`, if asked for, take.
  double memory(std::optional<Size> size) const;

 private:
  struct Block {
    size_t number = 0;  // among the layer's blocks
    std::vector<uint8_t> bytes;
  };
  struct Layer {
    Size size;
    Rect part;  // what is wanted
    Rect held;  // the blocks that have pixels of it
    std::vector<Block> blocks;
  };
  // Calls use(number) for each block of layer k that is needed, in the order of the file.
  template <typename Use>
  void for_needed(int k, const Use& use) const {
    for_blocks(alpha_grid(layers_[k].size), alpha_blocks(layers_[k].held), use);
  }
  Status decode_layer(const Layer& layer, const Layer* below, const Plane& samples_below, ThreadPool& pool,
                      Plane& samples) const;

  std::vector<Layer> layers_;
};

}  // namespace compass
