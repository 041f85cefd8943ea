#include "codec/pyramid_networks.h"

namespace compass {
namespace {

// Tiles are as large as keeps a tile's largest maps below kTileBytes, within these bounds: the larger, the
// less the halos cost.
constexpr int kLargestSide = 2048;
constexpr int kSmallestSide = 512;
constexpr double kTileBytes = 512.0 * (1 << 20);

int side_for(const CodecNetworks& networks) {
  int side = kLargestSide;
  while (side > kSmallestSide && networks.tile_bytes(side) > kTileBytes) side /= 2;
  return side;
}

}  // namespace

PyramidNetworks::PyramidNetworks(std::shared_ptr<const Model> model, nn::Context& context)
    : model_(std::move(model)), context_(context), base_(model_, CodecKind::kBase, context) {
  base_side_ = side_for(base_);
  if (!model_->layered()) return;
  enhancement_ = std::make_unique<CodecNetworks>(model_, CodecKind::kEnhancement, context);
  enhancement_side_ = side_for(*enhancement_);
  predictor_ = std::make_unique<Predictor>(model_, context);
}

double PyramidNetworks::prediction_bytes(Size below, Size target, Size tile) const {
  const LiffDescription& liff = *model_->description().liff;
  const double channels = nn::pad_channels(liff.g0) * (liff.blocks + 2.0) +
                          static_cast<double>(nn::pad_channels(liff.growth)) * liff.convs;
  const double halo = 2.0 * (4 + liff.blocks * liff.convs);
  const auto sources = [halo](int from, int to, int piece) {
    return std::min<double>(from, halo + static_cast<double>(piece) * from / to);
  };
  const double features =
      sources(below.width, target.width, tile.width) * sources(below.height, target.height, tile.height);
  return features * (channels * static_cast<double>(nn::element_size(context_.compute())) + 12.0) +
         36.0 * static_cast<double>(tile.pixels());
}

}  // namespace compass
