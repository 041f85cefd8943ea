// Starts a codec's transforms at the best linear ones: the principal components of its training pictures.
#pragma once

#include <random>

#include "dataset.h"
#include "system.h"

namespace compass::train {

// Sets g_a and g_s of both codecs to the Karhunen-Loeve transform of 16x16 blocks, taken in two stages (8x8
// blocks, then 2x2 of them), with the gains that suit uniform quantisation at each rate point, and the scale
// network's biases to the scales that latents then have. The components are those of what the codec codes:
// pictures for the base codec, residuals of bicubic prediction from the base codec for the enhancement codec.
//
// Codecs must have the shape of train/configs/lite.json: analysis is unshuffle 8, a 3x3 convolution, a
// stride-2 convolution and a 1x1 convolution, with residual blocks (which start as the identity) between.
void start_linear(System& system, const std::vector<Picture>& pictures, std::mt19937_64& random);

}  // namespace compass::train
