#include "codec/layer_blocks.h"

#include "codec/layer_synthesis.h"
#include "graph/geometry.h"

namespace compass {

int BlockPlaces::begin(int block, int blocks, int extent) const {
  if (block == blocks) return extent;
  return static_cast<int>(std::min<int64_t>((block * side_ + stride_ - 1) / stride_, extent));
}

int BlockPlaces::holding(int position, int blocks) const {
  return static_cast<int>(std::min<int64_t>(position * stride_ / side_, blocks - 1));
}

Rect BlockPlaces::positions(Rect blocks) const {
  const auto x = [&](int column) { return begin(column, grid_.width, positions_.width); };
  const auto y = [&](int row) { return begin(row, grid_.height, positions_.height); };
  return {x(blocks.x), y(blocks.y), x(blocks.x + blocks.width) - x(blocks.x),
          y(blocks.y + blocks.height) - y(blocks.y)};
}

Rect BlockPlaces::holding(Rect positions) const {
  const int left = holding(positions.x, grid_.width);
  const int top = holding(positions.y, grid_.height);
  return {left, top, holding(positions.x + std::max(positions.width, 1) - 1, grid_.width) + 1 - left,
          holding(positions.y + std::max(positions.height, 1) - 1, grid_.height) + 1 - top};
}

BlockPlaces latent_blocks(const PyramidNetworks& networks, const SpatialLayer& layer) {
  const CodecDescription& codec = networks.model().codec(codec_of_layer(layer.k));
  return {latent_grid(layer.size()), networks.latent_size(layer), kLatentBlockSide,
          nn::down_factor(codec.g_a)};
}

BlockPlaces hyper_blocks(const PyramidNetworks& networks, const SpatialLayer& layer) {
  const CodecDescription& codec = networks.model().codec(codec_of_layer(layer.k));
  return {hyper_grid(layer.size()), networks.hyper_size(layer), kHyperBlockSide,
          nn::down_factor(codec.g_a) * nn::down_factor(codec.h_a)};
}

Rect hyper_footprint(const PyramidNetworks& networks, const SpatialLayer& layer, Rect latents) {
  const auto plan = networks.codec(layer.k).plan_hyper_synthesis(layer.size(), latents);
  if (!plan.h_s) return {};
  const Rect positions = plan.h_scales ? united(plan.h_s->input, plan.h_scales->input) : plan.h_s->input;
  return hyper_blocks(networks, layer).holding(positions);
}

Rect block_pixels(Size layer, Rect blocks) {
  if (!is_tiled(layer)) return whole(layer);
  const int x = blocks.x * kLatentBlockSide;
  const int y = blocks.y * kLatentBlockSide;
  return {x, y, std::min(blocks.width * kLatentBlockSide, layer.width - x),
          std::min(blocks.height * kLatentBlockSide, layer.height - y)};
}

std::vector<size_t> block_regions(Size layer, size_t block) {
  static_assert(kLatentBlockSide % kFilterRegion == 0);
  const int columns = latent_grid(layer).width;
  const Rect pixels =
      block_pixels(layer, {static_cast<int>(block % columns), static_cast<int>(block / columns), 1, 1});
  const FilterRegions regions(layer);
  std::vector<size_t> result;
  for (int y = pixels.y; y < pixels.y + pixels.height; y += kFilterRegion) {
    for (int x = pixels.x; x < pixels.x + pixels.width; x += kFilterRegion) {
      result.push_back(regions.at(x, y));
    }
  }
  return result;
}

NeededBlocks needed_blocks(const PyramidNetworks& networks, const SpatialLayer& layer, Rect want) {
  const BlockPlaces places = latent_blocks(networks, layer);
  NeededBlocks needed;
  needed.y = whole(places.grid());
  if (is_tiled(layer.size())) {
    const Rect made = unfiltered(networks, layer, want);
    const Rect looked_at = networks.codec(layer.k).plan_synthesis(layer.size(), made)->input;
    // A block's latents do not lie exactly over the pixels whose coefficients it holds.
    const BlockPlaces squares(places.grid(), layer.size(), kLatentBlockSide, 1);
    needed.y = united(places.holding(looked_at), squares.holding(want));
  }
  needed.latents = places.positions(needed.y);
  needed.z = hyper_footprint(networks, layer, needed.latents);
  return needed;
}

}  // namespace compass
