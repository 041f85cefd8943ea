// Where the samples of a decoded picture go, for those who do not want them as an Image.
#pragma once

#include <array>
#include <optional>

#include "codec/layer.h"
#include "codec/prediction_window.h"
#include "core/plane.h"
#include "image/image.h"

namespace compass {

struct CodecRuntime;
struct LayerLatents;

using SampleRows = std::array<const float*, 3>;

// Gets them in bands of whole rows from the top down.
class PixelSink {
 public:
  virtual ~PixelSink() = default;
  // The picture's alpha, if it has one: before the first band, and good until the last has come.
  virtual void set_alpha(PlaneView alpha) = 0;
  // The rows [top, bottom) come next. On the thread that decodes.
  virtual void begin_band(int top, int bottom) = 0;
  // `count` samples a plane, unclamped, of row y from column x on; a part of a row comes once. On any thread.
  virtual void put(int y, int x, int count, const SampleRows& samples) = 0;
  // All samples of these rows were put. On the thread that decodes. False: no more are wanted.
  virtual bool end_band(int top, int bottom) = 0;
};

// The part `wanted` of a layer, as it is made, a row of tiles at a time. `prediction` is null for the base
// layer.
void give_layer(CodecRuntime& runtime, const SpatialLayer& layer, const LayerLatents& latents,
                PredictionWindow* prediction, Rect wanted, PixelSink& sink);

// A part of a picture that is at hand.
void give_picture(CodecRuntime& runtime, const Image& picture, Rect part, PixelSink& sink);

}  // namespace compass
