#include "codec/memory_need.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "codec/encoder.h"
#include "codec/layer_analysis.h"
#include "codec/layer_blocks.h"
#include "codec/layer_search.h"
#include "codec/layer_streams.h"
#include "codec/layer_synthesis.h"

namespace compass {
namespace {

// Compiled kernels, threads, what the allocator keeps or rounds up to huge pages: does not grow with the
// picture.
constexpr double kFixed = 44e6;
constexpr double kFloatPixel = 12;  // bytes
constexpr double kBytePixel = 3;
constexpr double kFilterColumn = 1300;  // of the rows that a thread of the loop filter holds, a pixel across

double pixels(Size size) {
  return static_cast<double>(size.pixels());
}

// Latent elements of a layer, and those that a decoder holds for the pixels `part`.
double elements(const PyramidNetworks& networks, const MemoryQuestion& q, int k) {
  return pixels(networks.latent_size({q.sizes, k, 0.0F})) * networks.codec(k).latent_channels();
}
double elements(const PyramidNetworks& networks, const MemoryQuestion& q, int k, Rect part) {
  const Rect held = needed_blocks(networks, {q.sizes, k, 0.0F}, part).latents;
  return pixels(held.size()) * networks.codec(k).latent_channels();
}

// Tiles of `part` that include one with the largest maps: those at the start, which may be cut off, and the
// first whole ones. In a small picture they are all of its tiles.
std::vector<Rect> first_tiles(Rect part, int side) {
  const int most = 2 * side;
  return tiles_of({part.x, part.y, std::min(part.width, most), std::min(part.height, most)}, side);
}

// What a decoder holds of a layer whatever part it decodes: z, and the index of a tiled one.
double whole_layer_bytes(const PyramidNetworks& networks, const MemoryQuestion& q, int k) {
  const double z = pixels(networks.hyper_size({q.sizes, k, 0.0F})) * networks.codec(k).hyper_channels();
  return 4.0 * z + sizeof(BlockEntry) * static_cast<double>(listed_blocks(q.sizes[k]));
}

// What tiles hold, all of which is kept from tile to tile: values that go into networks and come out, maps
// inside the codec's networks, and what making the prediction takes.
struct TileBytes {
  double values = 0.0;
  double maps = 0.0;
  double prediction = 0.0;
  double all() const { return values + maps + prediction; }
  void hold_maps(size_t bytes) { maps = std::max(maps, static_cast<double>(bytes)); }
};

// Making a prediction of `part`: LIFF's maps, the pixels below, and the bicubic one.
double prediction_bytes(const PyramidNetworks& networks, const Liff::Geometry& geometry, Rect part) {
  double most = 0.0;
  for (const Rect tile : first_tiles(part, kPredictionSide)) {
    double bytes = 3.0 * kFloatPixel * pixels(tile.size());
    if (const auto plan = networks.predictor().plan(geometry, tile)) {
      bytes += static_cast<double>(plan->map_bytes) + kFloatPixel * pixels(plan->below.size());
    }
    most = std::max(most, bytes);
  }
  return most;
}

// h_s, LIFF, g_s and the loop filter for the pixels `part`.
TileBytes synthesis_bytes(const PyramidNetworks& networks, const SpatialLayer& layer, Rect part) {
  const CodecNetworks& codec = networks.codec(layer.k);
  TileBytes bytes;
  double made = 0.0;
  for (const Rect tile : first_tiles(part, networks.tile_side(layer.k))) {
    const auto plan = codec.plan_synthesis(layer.size(), unfiltered(networks, layer, tile));
    bytes.hold_maps(plan->map_bytes);
    made = std::max(made, kFloatPixel * pixels(plan->out.size()));
  }
  double hyper = 0.0;
  const Rect latents = needed_blocks(networks, layer, part).latents;
  for (const Rect tile : first_tiles(latents, kHyperSide)) {
    const auto plan = codec.plan_hyper_synthesis(layer.size(), tile);
    for (const auto& network : plan.plans()) bytes.hold_maps(network->map_bytes);
    // h_s: means and indexes, twice while they are copied.
    hyper = std::max(hyper, 10.0 * codec.latent_channels() * pixels(tile.size()));
  }
  const int width = std::min(part.width, networks.tile_side(layer.k));
  const double filter = networks.filter(layer.k).empty() ? 0.0 : kFilterColumn * width;
  bytes.values = made + hyper + filter * networks.context().pool().threads();
  if (layer.k > 0) {
    bytes.prediction =
        prediction_bytes(networks, prediction_geometry(networks.model(), layer.sizes, layer.k), part);
  }
  return bytes;
}

// The same, g_a, and the search.
TileBytes encoding_bytes(const PyramidNetworks& networks, const SpatialLayer& layer, bool search) {
  const CodecNetworks& codec = networks.codec(layer.k);
  const Size latent = networks.latent_size(layer);
  TileBytes bytes = synthesis_bytes(networks, layer, whole(layer.size()));
  const int side = analysis_side(networks, layer);
  const bool trellis = networks.model().codec(codec_of_layer(layer.k)).trellis.has_value();
  double values = 0.0;
  for (const Rect tile : first_tiles(whole(latent), side)) {
    const auto g_a = codec.plan_analysis(layer.size(), tile);
    bytes.hold_maps(g_a->map_bytes);
    const double y = 4.0 * codec.latent_channels() * pixels(tile.size());
    double here = kFloatPixel * pixels(united(g_a->input, g_a->prediction).size()) + y;
    if (search) {
      const SearchPlans plans = plan_search(networks, layer, tile);
      bytes.hold_maps(std::max(plans.g_s->map_bytes, plans.backward->map_bytes) + plans.g_s->saved_bytes);
      // The residual, g_s's picture and the derivatives with respect to it; those with respect to y_hat.
      here = std::max(here, 3.0 * kFloatPixel * pixels(plans.g_s->out.size()) + 2.0 * y);
      if (trellis) here += y;  // targets
    }
    values = std::max(values, here);
  }
  bytes.values += values;
  if (trellis) {
    // Each thread has a block's elements, and what their best paths are made of.
    const double elements = static_cast<double>(kTrellisBlock) * kTrellisBlock * codec.latent_channels();
    const double element = sizeof(TrellisBuffers::Choice) + 1.125 * sizeof(TrellisOrder::Element);
    bytes.values += networks.context().pool().threads() * element * elements;
  }
  return bytes;
}

// The prediction's window: all of `part`, or the rows of a tile and its halo.
double window_bytes(const PyramidNetworks& networks, Size part, int k, bool keep) {
  if (k == 0) return 0.0;
  return kFloatPixel * part.width * window_rows(networks, k, part.height, keep);
}

// The most of both arrays together, where one grows row by row and the other's rows are discarded `behind`
// rows later.
double in_turn(double growing, double shrinking, double behind, int rows) {
  const double lag = std::min(1.0, behind / rows);
  return std::max(growing + shrinking * lag, shrinking + growing * lag);
}

// Making a picture of size `to` of a whole layer of size `from`, both in floats.
double resampling_bytes(const PyramidNetworks& networks, Size from, Size to) {
  const double both = kFloatPixel * (pixels(from) + pixels(to));
  if (is_predicted(from, to, networks.model())) {
    const int rows = std::min(kPredictionSide, to.height);
    return both + kFloatPixel * to.width * rows + prediction_bytes(networks, {from, to, to}, whole(to));
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
    const double tile = encoding_bytes(networks, {q.sizes, k, 0.0F}, q.search).all();
    const double behind = networks.tile_side(k) + kHalo;
    const double analysis =
        window + tile + (once ? in_turn(4.0 * y, below, behind, q.sizes[k].height) : 4.0 * y + below);
    // y_hat, symbols and indexes.
    const int latent_rows = networks.latent_size({q.sizes, k, 0.0F}).height;
    const double blocks = networks.context().pool().threads() * block_bytes(networks, {q.sizes, k, 0.0F});
    const double coding =
        blocks + (once ? in_turn(5.0 * y, 4.0 * y, 2.0 * kHyperSide, latent_rows) + tile : 9.0 * y);
    const double picture = reconstruct ? kFloatPixel * pixels(q.sizes[k]) : 0.0;
    const double synthesis = reconstruct ? 4.0 * y + picture * (q.measure ? 2.0 : 1.0) + tile : 0.0;
    const double held = below + window;
    const double search = q.search ? held + coding + 4.0 * y + tile : 0.0;  // with means
    most = std::max({most, analysis, coding + (reconstruct ? held : 0.0), held + synthesis, search});
  }
  return kFixed + networks.weight_bytes() + source + most;
}

double decode_bytes(const PyramidNetworks& networks, const MemoryQuestion& q,
                    const std::vector<Rect>& wanted) {
  double whole_layers = 0.0;
  double latents = 0.0;  // all layers' symbols are there before the first picture is
  double blocks = 0.0;   // of the layers as they were received, and what is decoded at a time
  for (int k = 0; k <= q.top; ++k) {
    latents += elements(networks, q, k, wanted[k]);
    blocks =
        std::max(blocks, networks.context().pool().threads() * block_bytes(networks, {q.sizes, k, 0.0F}));
    whole_layers += whole_layer_bytes(networks, q, k);
  }
  blocks += whole_layers;
  double most = 5.0 * latents + blocks;  // with indexes
  const Size to = q.size.value_or(wanted[q.top].size());
  const bool resampled = to != wanted[q.top].size();
  const double result_pixel = q.sink_pixel > 0 ? q.sink_pixel : q.bytes ? kBytePixel : kFloatPixel;
  for (int k = 0; k <= q.top; ++k) {
    const double below = k > 0 ? kFloatPixel * pixels(wanted[k - 1].size()) : 0.0;
    const double picture = pixels(wanted[k].size()) * (k == q.top && !resampled ? result_pixel : kFloatPixel);
    const double pictures = in_turn(picture, below, networks.tile_side(k) + kHalo, wanted[k].height);
    most = std::max(most, whole_layers + 4.0 * latents + pictures +
                              window_bytes(networks, wanted[k].size(), k, false) +
                              synthesis_bytes(networks, {q.sizes, k, 0.0F}, wanted[k]).all());
    latents -= elements(networks, q, k, wanted[k]);
  }
  // Memory for the last layer's tiles is kept: the next picture would need it again.
  const double kept = synthesis_bytes(networks, {q.sizes, q.top, 0.0F}, wanted[q.top]).all();
  const double result = pixels(to) * result_pixel;
  if (resampled) {
    most = std::max({most, kept + resampling_bytes(networks, wanted[q.top].size(), to),
                     kept + kFloatPixel * pixels(to) + result});
  }
  return kFixed + networks.weight_bytes() + most;
}

Status check_memory(double bytes, uint64_t limit, const char* or_else) {
  if (limit == 0 || bytes <= static_cast<double>(limit)) return {};
  const auto most = static_cast<double>(limit);
  return Error{
      ErrorCode::kBadFile,
      fmt::format("needs about {:.0f} MB of memory, more than the limit of {}: raise the limit{}",
                  std::ceil(bytes * 1e-6),
                  most < 1e6 ? fmt::format("{:.0f} kB", most * 1e-3) : fmt::format("{:.0f} MB", most * 1e-6),
                  or_else)};
}

}  // namespace compass
