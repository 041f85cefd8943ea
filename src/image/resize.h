// Antialiased bicubic resampling, down and up, as Pillow defines it. The pyramid's lower layers are made with
// it, and it is the bicubic part of the inter-layer prediction.
//
// Convention. Output sample i of n over m source samples is centred at c = (i + 1/2) m/n in source
// coordinates (sample j covers [j, j+1)). With s = max(1, m/n), it is the weighted mean of the samples whose
// centres lie within 2s of c (ends rounded half up and clipped to the picture: edges are renormalised, not
// extended); sample j weighs k((j + 1/2 - c)/s), k being the cubic kernel of Keys (1981) with a = -1/2.
// Weights are computed in double, normalised and rounded to float; the sums run in float. Rows are resampled
// first, then columns; nothing is rounded to 8 bits or clamped in between.
//
// Every output sample is the same sum in the same order however the work is cut, so a region, a crop of the
// source and any thread count give the same bits as the whole picture.
#pragma once

#include "core/plane.h"
#include "core/size.h"
#include "core/thread_pool.h"
#include "image/image.h"

namespace compass {

// The whole picture at `target` (both sides >= 1). `pool` may be null: serial.
Image resize(const Image& source, Size target, ThreadPool* pool = nullptr);

// The part of a picture of size `source` that `region` of its resampling to `target` is computed from. Never
// empty, always inside the source. `region` must lie inside the target and not be empty.
Rect resize_footprint(Size source, Size target, Rect region);

// Rectangle `region` of the resampling to `target` of a picture of size `source_size`, of which only the
// rectangle `held` is at hand, as the image `crop`. `held` must contain resize_footprint(...). The result has
// the region's size and equals, to the bit, that crop of resize(whole picture, target).
Image resize_region(const Image& crop, Rect held, Size source_size, Size target, Rect region,
                    ThreadPool* pool = nullptr);

// The same from the whole source.
Image resize_region(const Image& source, Size target, Rect region, ThreadPool* pool = nullptr);
// The same, to the bit, as resampling from_rgb8(source), without making that.
Image resize_region(const Rgb8View& source, Size target, Rect region, ThreadPool* pool = nullptr);
// The same of from_rgb16(source).
Image resize_region(const Rgb16View& source, Size target, Rect region, ThreadPool* pool = nullptr);

// A whole plane, clamped and rounded to bytes.
Plane resize(PlaneView source, Size target, ThreadPool* pool = nullptr);

}  // namespace compass
