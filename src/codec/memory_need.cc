#include "codec/memory_need.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "codec/encoder.h"
#include "codec/layer_synthesis.h"

namespace compass {
namespace {

// Compiled kernels, threads, what the allocator keeps or rounds up to huge pages: does not grow with the
// picture.
constexpr double kFixed = 44e6;
constexpr double kFloatPixel = 12;  // bytes
constexpr double kBytePixel = 3;

double pixels(Size size) {
  return static_cast<double>(size.pixels());
}

// Latent elements of a layer.
double elements(const PyramidNetworks& networks, const MemoryQuestion& q, int k) {
  return pixels(networks.latent_size({q.sizes, k, 0.0F})) * networks.codec(k).latent_channels();
}

// For layer k's tiles: what goes into the networks and comes out, kept from tile to tile, and the maps
// inside, of the codec or of the prediction.
double tile_bytes(const PyramidNetworks& networks, const std::vector<Size>& sizes, Size layer, int k) {
  const int longest = std::max(layer.width, layer.height);
  const int side = std::min(networks.tile_side(k), longest);
  const double with_halo = std::min(networks.tile_side(k) + kHalo, longest);
  const double around = 3.0 * kFloatPixel * with_halo * with_halo;
  const double codec = networks.codec(k).tile_bytes(side);
  if (k == 0) return around + codec;
  const int predicted = std::min(kPredictionSide, side);
  return around + std::max(codec, networks.prediction_bytes(sizes[k - 1], sizes[k], {predicted, predicted}));
}

// The prediction's window: all of `part`, or the rows of a tile and its halo.
double window_bytes(const PyramidNetworks& networks, Size part, int k, bool keep) {
  if (k == 0) return 0.0;
  return kFloatPixel * part.width * window_rows(networks, k, part.height, keep);
}

// One array grows row by row and another one's rows are discarded when they are `behind` rows back.
double in_turn(double growing, double shrinking, double behind, int rows) {
  const double lag = std::min(1.0, behind / rows);
  return std::max(growing + shrinking * lag, shrinking + growing * lag);
}

// Making a picture of size `to` of a whole layer of size `from`, both in floats.
double resampling_bytes(const PyramidNetworks& networks, Size from, Size to) {
  const double both = kFloatPixel * (pixels(from) + pixels(to));
  if (is_predicted(from, to, networks.model())) {
    const Size tile{std::min(kPredictionSide, to.width), std::min(kPredictionSide, to.height)};
    return both + kFloatPixel * to.width * tile.height + networks.prediction_bytes(from, to, tile);
  }
  // Each thread holds the rows of a band of the result, and 16 rows of the layer (image/resize.cc).
  const double shrink = std::max(1.0, static_cast<double>(from.height) / to.height);
  const double rows = std::min<double>(from.height, 68.0 * shrink);
  const double weights = 20.0 * (std::max(from.width, to.width) + std::max(from.height, to.height));
  return both + weights + networks.context().pool().threads() * (64.0 * from.width + 4.0 * rows * to.width);
}

}  // namespace

PredictionWindow::Passed passed_rows(Size layer, bool reconstruct, bool search) {
  using Passed = PredictionWindow::Passed;
  if (reconstruct || (search && layer.pixels() <= kSearchedPixels)) return Passed::kKept;
  return search ? Passed::kMadeAgain : Passed::kDiscarded;
}

double encode_bytes(const PyramidNetworks& networks, const MemoryQuestion& q) {
  const double source = pixels(q.sizes[q.top]) * (q.bytes ? kBytePixel : kFloatPixel);
  double most = 0.0;
  for (int k = 0; k <= q.top; ++k) {
    const bool reconstruct = k < q.top || q.measure;
    const double below = k > 0 ? kFloatPixel * pixels(q.sizes[k - 1]) : 0.0;
    const auto passed = passed_rows(q.sizes[k], reconstruct, q.search);
    const bool once = passed == PredictionWindow::Passed::kDiscarded;
    const bool kept = passed == PredictionWindow::Passed::kKept;
    const double window = window_bytes(networks, q.sizes[k], k, kept);
    const double y = elements(networks, q, k);
    const double tile = tile_bytes(networks, q.sizes, q.sizes[k], k);
    const double behind = networks.tile_side(k) + kHalo;
    const double analysis =
        window + tile + (once ? in_turn(4.0 * y, below, behind, q.sizes[k].height) : 4.0 * y + below);
    // y_hat, symbols and indexes.
    const int latent_rows = networks.latent_size({q.sizes, k, 0.0F}).height;
    const double coding = once ? in_turn(5.0 * y, 4.0 * y, 2.0 * kHyperSide, latent_rows) + tile : 9.0 * y;
    const double picture = reconstruct ? kFloatPixel * pixels(q.sizes[k]) : 0.0;
    const double synthesis = reconstruct ? 4.0 * y + picture * (q.measure ? 2.0 : 1.0) + tile : 0.0;
    const double held = below + window;
    // Means, and gradients and what the way back remembers: half as much again as a tile's maps.
    const double search = q.search ? held + coding + 4.0 * y + 1.5 * tile : 0.0;
    most = std::max({most, analysis, coding + (reconstruct ? held : 0.0), held + synthesis, search});
  }
  return kFixed + networks.weight_bytes() + source + most;
}

double decode_bytes(const PyramidNetworks& networks, const MemoryQuestion& q,
                    const std::vector<Rect>& wanted) {
  double latents = 0.0;  // all layers' symbols are there before the first picture is
  for (int k = 0; k <= q.top; ++k) latents += elements(networks, q, k);
  double most = 5.0 * latents;  // with indexes
  const Size to = q.size.value_or(wanted[q.top].size());
  const bool resampled = to != wanted[q.top].size();
  for (int k = 0; k <= q.top; ++k) {
    const double below = k > 0 ? kFloatPixel * pixels(wanted[k - 1].size()) : 0.0;
    const double picture =
        pixels(wanted[k].size()) * (k == q.top && q.bytes && !resampled ? kBytePixel : kFloatPixel);
    const double pictures = in_turn(picture, below, networks.tile_side(k) + kHalo, wanted[k].height);
    most = std::max(most, 4.0 * latents + pictures + window_bytes(networks, wanted[k].size(), k, false) +
                              tile_bytes(networks, q.sizes, wanted[k].size(), k));
    latents -= elements(networks, q, k);
  }
  // Memory for the last layer's tiles is kept: the next picture would need it again.
  const double kept = tile_bytes(networks, q.sizes, wanted[q.top].size(), q.top);
  const double result = pixels(to) * (q.bytes ? kBytePixel : kFloatPixel);
  if (resampled) {
    most = std::max({most, kept + resampling_bytes(networks, wanted[q.top].size(), to),
                     kept + kFloatPixel * pixels(to) + result});
  }
  if (q.copied) most = std::max(most, kept + 2.0 * result);
  return kFixed + networks.weight_bytes() + most;
}

Status check_memory(double bytes, uint64_t limit) {
  if (limit == 0 || bytes <= static_cast<double>(limit)) return {};
  return Error{ErrorCode::kBadFile,
               fmt::format("needs about {:.0f} MB of memory, more than the limit of {:.0f} MB: raise the "
                           "limit, or ask for a smaller layer or region",
                           std::ceil(bytes * 1e-6), static_cast<double>(limit) * 1e-6)};
}

}  // namespace compass
