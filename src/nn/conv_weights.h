// From a convolution's weights as the model file has them to padded weights, in the order of channels in
// which its tiles are computed.
//
// The transposed 5x5 convolution of stride 2, padding 2, becomes 3x3 ones: output 2m+p sums input m+d times
// tap p+2-2d, d = -1, 0, 1 for phase p = 0 and d = 0, 1 for phase 1.
#pragma once

#include <vector>

#include "nn/packed_conv_weights.h"

namespace compass::nn {

// A convolution's weights in the model file's order. What the pointers point to must outlive the results of
// the functions below, which read it whenever a kernel needs the weights packed.
struct ConvParameters {
  int in = 0;
  int out = 0;
  int kernel = 1;
  const StoredWeights* weight = nullptr;     // [out*up*up,in,k,k]; of a transposed one [in,out,5,5]
  const std::vector<float>* bias = nullptr;  // [out*up*up]; [out]
};

// Of a convolution with a pixel shuffle by `up` behind it: output channels are reordered from (c, dy, dx), as
// stored, to (dy, dx, c), c < pitch, so that the shuffle copies runs. With `expand` input channels are
// (ky, kx, c), those of expand_neighbourhoods() (nn/tile_io.h), and the kernel is 1x1.
PaddedConvWeights shuffled_weights(const ConvParameters& p, int up, int pitch, bool expand);

// All four phases of a transposed convolution in one: output channels are (phase, c), c < pitch; taps that a
// phase does not have are zero.
PaddedConvWeights joined_phases_weights(const ConvParameters& p, int pitch);

// One phase, at output rows 2m + dy and columns 2m + dx: a convolution of 3-dy by 3-dx taps to `pitch`
// channels.
PaddedConvWeights phase_weights(const ConvParameters& p, int pitch, int dy, int dx);

}  // namespace compass::nn
