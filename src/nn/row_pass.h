// Ops without a convolution, a row at a time: shuffles, gains, a GDN that follows no convolution, plain
// copies. They take little time and are written to be simple. Each writes the rectangle `bounds` of `out`; x
// must hold its footprint.
#pragma once

#include <vector>

#include "graph/op.h"
#include "nn/context.h"
#include "nn/map.h"
#include "nn/tile_io.h"

namespace compass::nn {

// out = x on `bounds`.
void copy_rows(Context& context, const MapView& x, Map& out, const Rect& bounds);

// out = torch.pixel_unshuffle of the padded x: channel c*r*r + dy*r + dx.
void unshuffle_rows(Context& context, const MapView& x, const Padding& padding, int factor, Map& out,
                    const Rect& bounds);

// The inverse; then `crop` rows and columns are dropped at the start.
void shuffle_rows(Context& context, const MapView& x, const Padding& crop, int factor, Map& out,
                  const Rect& bounds);

// out = GDN(x), or its inverse; `gamma` is the 1x1 convolution of a row's squares, beta its bias.
void gdn_rows(Context& context, const MapView& x, const KernelRequest& gamma, bool inverse, Map& out,
              const Rect& bounds);

// out[c] = x[c] * gains[c].
void gain_rows(Context& context, const MapView& x, const std::vector<float>& gains, Map& out,
               const Rect& bounds);

// The derivative of an activation: x *= 1 where `hidden`, the activation's output in the forward pass, is
// above zero, and x *= the slope of `act` elsewhere. `hidden` has x's channels and holds `bounds`, which is
// x.part. Changes the copy of x in `hidden`'s format.
void slope_rows(Context& context, const MapView& hidden, Act act, Map& x, const Rect& bounds);

// exp of the rows of log_gain [P,C], interpolated linearly at position `rate` in [0, P-1].
std::vector<float> gains_at(const std::vector<float>& log_gain, int channels, float rate);

}  // namespace compass::nn
