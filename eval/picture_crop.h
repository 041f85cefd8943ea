// The part of a picture that reports show of it.
#pragma once

#include "eval/picture.h"

namespace compass::eval {

// Side of a square crop, in pixels.
inline constexpr int kCropSide = 192;

// The most detailed square (largest sum of gradients on a coarse grid) of a picture, kCropSide or less on a
// side.
Rect crop_of(const Picture& picture);
Picture cut(const Picture& picture, Rect rect);

}  // namespace compass::eval
