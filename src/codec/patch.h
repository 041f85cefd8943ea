// Parts of pictures, and the way between planar pictures and the networks' channels-last maps.
#pragma once

#include <span>

#include "core/size.h"
#include "core/tensor.h"
#include "image/image.h"

namespace compass {

// The pixels of one rectangle of a layer.
struct Patch {
  Image image;
  Rect at;  // image.size() == at.size()
};

// The smallest rectangle that holds both. An empty rectangle (no width or height) holds nothing.
Rect united(Rect a, Rect b);

// Cuts `whole` into tiles of at most `side` pixels a side, row by row; tile edges fall on multiples of `side`
// from the picture's origin, so that a region's tiles are the whole picture's.
std::vector<Rect> tiles_of(Rect whole, int side);

// The patch's pixels inside `part` (which it must hold) as a map [3,h,w].
Tensor to_tensor(const Patch& patch, Rect part);

// A picture whose sample (c, y, x) is the map's.
Image to_image(const Tensor& map);

// Writes the map's pixels to rectangle `part` of the patch.
void write(const Tensor& map, Rect part, Patch& patch);

// The part of `map` (whose pixels are those of rectangle `held`) inside `part`.
Tensor crop(const Tensor& map, Rect held, Rect part);

// a += b and a -= b, element by element.
void add(Tensor& a, const Tensor& b);
void subtract(Tensor& a, const Tensor& b);

}  // namespace compass
