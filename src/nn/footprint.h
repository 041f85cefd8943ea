// Which part of an op's input a part of its output depends on, along one axis.
#pragma once

#include "graph/geometry.h"
#include "graph/op.h"

namespace compass::nn {

// [begin, end) along one axis.
struct Span {
  int begin = 0;
  int end = 0;
};

// Input samples (before padding) that the output samples `out` depend on. `in_extent` and `out_extent` are
// the extents of the op's whole maps. `analysis`: the network pads before its ops; otherwise it crops after
// them.
Span input_footprint(const Op& op, bool analysis, int in_extent, int out_extent, Span out);

// Samples of the prediction, whose whole extent is `full`, that a kCondition op's output samples depend
// on. `extent` is the whole extent of the op's map.
Span prediction_footprint(const Op& op, int extent, int full, Span out);

// `span` with `halo` samples more on both sides, clipped to [0, extent).
Span grown(Span span, int halo, int extent);

}  // namespace compass::nn
