#include "codec/pyramid_networks.h"

namespace compass {
namespace {

// Tiles are as large as possible, since larger ones have less halo, within these bounds and with maps below
// kTileBytes.
constexpr int kLargestSide = 2048;
constexpr int kSmallestSide = 512;
constexpr double kTileBytes = 512.0 * (1 << 20);

// The most bytes of maps inside g_a or g_s for a picture of one tile.
double tile_bytes(const CodecNetworks& networks, int side) {
  const Size picture{side, side};
  return static_cast<double>(
      std::max(networks.plan_analysis(picture, whole(networks.latent_size(picture)))->map_bytes,
               networks.plan_synthesis(picture, whole(picture))->map_bytes));
}

int side_for(const CodecNetworks& networks) {
  int side = kLargestSide;
  while (side > kSmallestSide && tile_bytes(networks, side) > kTileBytes) side /= 2;
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

}  // namespace compass
