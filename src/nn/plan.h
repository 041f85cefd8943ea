// What computing a rectangle of a network's output takes: which rectangles of which maps, how much memory,
// which kernels, how much arithmetic. It follows from sizes alone, so that it is known before anything is
// run. A plan may be run many times.
#pragma once

#include <span>
#include <vector>

#include "core/size.h"
#include "nn/context.h"
#include "nn/conv_pass.h"
#include "nn/map.h"

namespace compass::nn {

// A map that a run makes between its input and its output: its rectangle, its formats, and from which fused
// op to which it is kept.
struct PlannedMap {
  int channels = 0;
  Rect part;
  Size full;
  bool f32 = false;
  bool bf16 = false;
  int first = 0;   // the fused op that makes it
  int last = 0;    // the last one that reads it
  int border = 0;  // pixels
  size_t bytes() const {
    const size_t elements =
        static_cast<size_t>(with_border(part, border).size().pixels()) * pad_channels(channels);
    return elements * (f32 ? sizeof(float) : 0) + elements * (bf16 ? sizeof(BFloat16) : 0);
  }
};

// The most bytes of maps that are kept at the same time.
size_t peak_bytes(std::span<const PlannedMap> maps);

// The memory of a planned map, values undefined.
inline Map make_map(BufferPool& buffers, const PlannedMap& map) {
  return make_map(buffers, map.channels, map.part, map.full, map.f32, map.bf16, map.border);
}

// What a run does for one fused op (nn/network_parts.h).
struct OpPlan {
  Size in_full;  // sizes of the whole maps before and behind the op
  Size out_full;
  Rect in;  // the rectangles of them that are needed
  Rect out;
  Padding padding;  // at the input's start
  Padding crop;     // rows and columns dropped at the output's start
  std::vector<ConvPlan> convs;
  KernelRequest gamma;  // of a GDN that follows no convolution
  // Indexes of Plan::maps, -1 where there is none: a copy of the network's input that the op may add to; the
  // map inside the op (between a residual block's convolutions, or the unshuffled prediction); its output. An
  // op without an output map adds to the map before it, or writes the network's output.
  int copy = -1;
  int inner = -1;
  int made = -1;
};

struct Plan {
  Size full;        // the size of the analysis network's input
  Rect out;         // the rectangle of the output that is computed
  Rect input;       // its footprint in the network's input
  Rect prediction;  // its footprint in the prediction, a picture of size `full`; empty if no op reads it
  std::vector<OpPlan> ops;
  std::vector<PlannedMap> maps;
  std::vector<KernelRequest> kernels;
  void add_kernels(std::vector<KernelRequest>& list) const {
    list.insert(list.end(), kernels.begin(), kernels.end());
  }
  double macs = 0.0;       // multiply-adds of the ops as described, without padding and halo
  size_t map_bytes = 0;    // the most bytes of maps at a time
  size_t saved_bytes = 0;  // bytes of maps that SavedActivations keep beyond the run
};

}  // namespace compass::nn
