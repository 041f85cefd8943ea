// Parts of pictures, and the way between planar pictures and the networks' channels-last maps.
#pragma once

#include <algorithm>
#include <vector>

#include "core/size.h"
#include "core/tensor.h"
#include "core/thread_pool.h"
#include "image/image.h"

namespace compass {

// The pixels of one rectangle of a layer. Other than nn::MapView, which shows channels-last maps that a
// network or a window owns, this owns its samples and has them in planes: a reconstruction outlives the tiles
// that it was made of, and resampling and callers want planes.
struct ImageView {
  Image image;
  Rect part;  // image.size() == part.size()
};

// Cuts `whole` into tiles of at most `side` pixels a side, row by row; tile edges fall on multiples of `side`
// from the picture's origin, so that a region's tiles are the whole picture's.
std::vector<Rect> tiles_of(Rect whole, int side);

// Calls body(y) for the rows [0, rows), a few at a time on each thread.
template <typename Body>
void for_rows(ThreadPool& pool, int rows, const Body& body) {
  constexpr int kRows = 16;
  pool.parallel_for((rows + kRows - 1) / kRows, [&](int i, int /*worker*/) {
    for (int y = i * kRows; y < std::min(rows, (i + 1) * kRows); ++y) body(y);
  });
}

// Rectangle `part` of a layer as a map [3,h,w], from an image of the rectangle `have` of the layer, which
// holds `part`.
void to_map(const Image& image, Rect have, Rect part, ThreadPool& pool, Tensor& map);

}  // namespace compass
