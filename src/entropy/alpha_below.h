// What the alpha of the layer below says about a block of alpha: the coder's best guess at edges.
#pragma once

#include <cstdint>
#include <vector>

#include "core/plane.h"

namespace compass {

// Samples of the layer below, of which `held` are at hand as `samples`, which must hold alpha_below(...) of
// the block. No samples for the base layer.
struct AlphaBelow {
  PlaneView samples;
  Rect held;
  Size size;  // of all of the layer below
};

// The part of a layer of size `below` that the block `block` of a layer of size `layer` lies in. Nothing else
// of it is looked at.
Rect alpha_below(Size layer, Rect block, Size below);

class AlphaEstimate {
 public:
  AlphaEstimate(Size layer, Rect block, const AlphaBelow& below);

  // Whether there is a layer below.
  bool empty() const { return columns_.empty(); }
  // Row `y` of the block as the samples below have it, blended between their centres.
  void row(int y, uint8_t* out) const;

  // The sample below pixel (x, y) of the block, those at its four sides, and which quarter of it the pixel
  // lies in: 0..3, row by row.
  struct Around {
    uint8_t centre, left, right, up, down;
    int quarter;
  };
  Around around(int x, int y) const;

 private:
  // Where a pixel's centre lies on one axis of the samples below: in which of them, in which half of it, and
  // between the centres of which two, in 256ths of the way.
  struct Place {
    int centre, half, first, second, share;
  };
  static Place place(int x, int64_t side, int64_t below, int begin, int length);

  PlaneView samples_;  // alpha_below of the block
  std::vector<Place> columns_, rows_;
};

}  // namespace compass
