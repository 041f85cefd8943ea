// Which part of an op's input a part of its output depends on, along one axis.
#pragma once

#include "core/size.h"
#include "graph/geometry.h"
#include "graph/op.h"

namespace compass::nn {

// [begin, end) along one axis.
struct Span {
  int begin = 0;
  int end = 0;
};

// What a convolution computes for some of its outputs.
enum class Reach {
  kOutputs,  // these: what others depend on may be missing, and they are then wrong
  kBlocks  // the whole blocks of Winograd's algorithm that they lie in, whose roundings depend on each other
};

// The outputs that are computed for `out` by a convolution of this kernel.
Span computed(Span out, int kernel, Reach reach);

// Input samples (before padding) that the output samples `out` depend on. `in_extent` and `out_extent` are
// the extents of the op's whole maps. `analysis`: the network pads before its ops; otherwise it crops after
// them.
Span input_footprint(const Op& op, bool analysis, int in_extent, int out_extent, Span out, Reach reach);

// Samples of the prediction, whose whole extent is `full`, that a kCondition op's output samples depend
// on. `extent` is the whole extent of the op's map.
Span prediction_footprint(const Op& op, int extent, int full, Span out, Reach reach);

// Samples that a convolution of this kernel size and stride 1 reads for `out`, clipped to [0, extent).
Span convolved(Span out, int kernel, int extent, Reach reach);
// The same on both axes of a map of size `full`.
Rect convolved(Rect out, int kernel, Size full, Reach reach);

// `span` with `halo` samples more on both sides, clipped to [0, extent).
Span grown(Span span, int halo, int extent);

}  // namespace compass::nn
