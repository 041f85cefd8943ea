// Synthesis networks (g_s, h_s) with fewer channels inside than those of a file, from its weights.
//
// The networks have the same ops, and the same channels at both ends. Op by op, both run on pictures:
//
// * Where a stretch of maps has fewer channels, and the op that begins it has no activation, the wide map's
//   directions are kept that the end of the stretch sees most of: with M the maps' second moments and G those
//   of the end op's weights, the first eigenvectors of G^(1/2) M G^(1/2). After an activation, channels are
//   kept as they are, those with most energy times weight.
// * Hidden channels of residual blocks are kept by energy times weight.
// * Every convolution whose input has fewer channels than in the wide network is fitted anew, by least
// squares,
//   to what the wide one made. Those behind, whose maps are as wide again, are copied.
//
// What is left to training is what no linear fit finds.
#pragma once

#include <random>

#include "dataset.h"
#include "model_file/safetensors.h"
#include "system.h"
#include "widen.h"

namespace compass::train {

// What goes through a synthesis network: its input, the pass, the size of the picture (or of y) that the
// analysis network had.
struct SynthesisInput {
  Tensor map;
  Pass pass;
  MapSize size;
};

// The ops of a network as the file has it under `prefix` ("base.g_s"): those of `specs` with the file's
// channels. Empty where it has other ops, or the same channels.
std::vector<nn::Op> wider_ops(const std::vector<nn::Op>& specs, const Safetensors& file,
                              const std::string& prefix);

// Fills `network`, which is float, to do what `wide` does as well as it can. Throws c10::Error where ops
// differ in more than channels inside.
void narrow_network(Network& network, Network& wide, const std::vector<SynthesisInput>& inputs);

// Fills those g_s and h_s of the system that are wider in the file. To be called after copy_weights(), which
// leaves them as they were.
void narrow(System& system, const Safetensors& file, const std::vector<Picture>& pictures,
            const WidenExamples& examples, std::mt19937_64& random);

}  // namespace compass::train
