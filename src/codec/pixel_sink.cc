#include "codec/pixel_sink.h"

#include <algorithm>

#include "codec/runtime.h"
#include "image/resize.h"

namespace compass {
namespace {

// Rows of a picture that is at hand that a sink gets at a time.
constexpr int kBandRows = 256;

}  // namespace

void give_layer(CodecRuntime& runtime, const SpatialLayer& layer, const LayerLatents& latents,
                PredictionWindow* prediction, Rect wanted, PixelSink& sink) {
  for (const Rect& tile : tiles_of(wanted, runtime.networks.tile_side(layer.k))) {
    if (tile.x != wanted.x) continue;
    const int top = tile.y - wanted.y;
    sink.begin_band(top, top + tile.height);
    runtime.synthesis.reconstruct(
        layer, latents, prediction, {wanted.x, tile.y, wanted.width, tile.height},
        [&](int y, int x, int count, const PlaneRows& samples) {
          sink.put(y - wanted.y, x - wanted.x, count, {samples[0], samples[1], samples[2]});
        });
    if (!sink.end_band(top, top + tile.height)) runtime.networks.meter().cancel();
  }
}

void give_picture(CodecRuntime& runtime, const Image& picture, Rect part, PixelSink& sink) {
  for (int top = 0; top < part.height; top += kBandRows) {
    const int bottom = std::min(top + kBandRows, part.height);
    sink.begin_band(top, bottom);
    for_rows(runtime.pool, bottom - top, [&](int row) {
      SampleRows samples;
      for (int c = 0; c < 3; ++c) samples[c] = picture.row(c, part.y + top + row) + part.x;
      sink.put(top + row, 0, part.width, samples);
    });
    if (!sink.end_band(top, bottom)) runtime.networks.meter().cancel();
  }
}

}  // namespace compass
