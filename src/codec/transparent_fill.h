// Colours for the pixels that nobody sees.
#pragma once

#include "core/plane.h"
#include "core/thread_pool.h"
#include "image/image.h"

namespace compass {

// The picture with other colours where alpha is 0: those around, blurred the more the farther they are, so
// that they cost next to nothing, and colours at the edge of what is seen are not mixed with strange ones
// when the picture is scaled. Black if nothing is seen at all. `alpha` is of the picture's size.
Rgb8Image filled(const Rgb8View& picture, PlaneView alpha, ThreadPool& pool);
Rgb16Image filled(const Rgb16View& picture, PlaneView alpha, ThreadPool& pool);
Image filled(const Image& picture, PlaneView alpha, ThreadPool& pool);

}  // namespace compass
