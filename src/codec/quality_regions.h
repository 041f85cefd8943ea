// Quality maps from what people ask for: parts of the picture, or a mask of it.
#pragma once

#include <span>

#include "bitstream/quality_map.h"
#include "core/plane.h"
#include "core/size.h"

namespace compass {

// A part of the picture, in pixels of its full size, and by how much its quality differs: -100..100.
struct QualityRegion {
  Rect part;
  int offset = 0;
};

// The map of a layer. Where better regions overlap the best one counts, and a square that one touches is as
// good as it asks for. Worse regions count for squares that lie in them wholly, and in no better one. Empty
// if no square differs.
QualityMap map_of_regions(std::span<const QualityRegion> regions, Size layer, Size full);

// The map of a layer by a mask of any size, which is laid over the whole picture: the mean of its samples
// over a square is an offset of -100 at 0, none at 127.5, +100 at 255.
QualityMap map_of_mask(PlaneView mask, Size layer);

}  // namespace compass
