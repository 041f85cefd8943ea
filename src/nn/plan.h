// What running a network on a part of its output takes, told from sizes alone: which parts of which maps, how
// much memory, which kernels, how much arithmetic. A plan is made once and may be run many times; whoever
// wants to know something beforehand asks it.
#pragma once

#include <span>
#include <vector>

#include "core/size.h"
#include "nn/context.h"
#include "nn/conv_pass.h"
#include "nn/map.h"

namespace compass::nn {

// A map that a run makes between its input and its output: of which part, in which formats, and from which op
// to which it is held.
struct PlannedMap {
  int channels = 0;
  Rect part;
  Size full;
  bool f32 = false;
  bool bf16 = false;
  int first = 0;  // the op that makes it
  int last = 0;   // the last one that reads it
  size_t bytes() const {
    const size_t elements = static_cast<size_t>(part.size().pixels()) * pad_channels(channels);
    return elements * (f32 ? sizeof(float) : 0) + elements * (bf16 ? sizeof(BFloat16) : 0);
  }
};

// Bytes of the maps that are held at the same time at most.
size_t peak_bytes(std::span<const PlannedMap> maps);

// The memory of a planned map, values undefined.
inline Map make_map(BufferPool& buffers, const PlannedMap& map) {
  return make_map(buffers, map.channels, map.part, map.full, map.f32, map.bf16);
}

// One op of a network (nn/network.h), which may be a convolution and the GDN behind it.
struct OpPlan {
  Size in_full;  // the whole maps before and behind the op
  Size out_full;
  Rect in;  // the parts of them
  Rect out;
  Padding padding;  // before the input
  Padding crop;     // dropped from the output's start
  std::vector<ConvPlan> convs;
  KernelRequest gamma;  // of a GDN that follows no convolution
  // Indexes of maps, -1 where there is none: a copy of the network's input that the op may add to, the map
  // inside it (between a residual block's convolutions, or the unshuffled prediction), and its output. An op
  // without an output map adds to the one before, or writes the network's output.
  int copy = -1;
  int inner = -1;
  int made = -1;
};

struct Plan {
  Size full;        // the size of the analysis network's input
  Rect out;         // the part of the output that is made
  Rect input;       // the part of the input that this depends on, halo included
  Rect prediction;  // the part of the prediction, a picture of size `full`; empty if no op reads it
  std::vector<OpPlan> ops;
  std::vector<PlannedMap> maps;
  std::vector<KernelRequest> kernels;
  void add_kernels(std::vector<KernelRequest>& list) const {
    list.insert(list.end(), kernels.begin(), kernels.end());
  }
  double macs = 0.0;       // multiply-adds as the ops describe them (no padding, no halo)
  size_t map_bytes = 0;    // of the maps held at a time, at most
  size_t saved_bytes = 0;  // of those that a SavedActivations keeps beyond the run
};

}  // namespace compass::nn
