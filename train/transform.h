// A codec's transforms for initialisation without training: their convolutions, and gains that suit the rate
// points.
#pragma once

#include "codec.h"

namespace compass::train {

// The convolutions of a g_a and a g_s that work at 1/8 and 1/16 of the picture's size.
struct Transform {
  Conv first;                     // g_a: pixels to 1/8
  Conv measure;                   // g_a: 1/8 to 1/16, stride 2
  Conv to_latents, from_latents;  // 1x1
  Op join;                        // g_s: sub-pixel, 1/16 to 1/8
  Op paint;                       // g_s: sub-pixel, 1/8 to pixels
};

// Throws c10::Error where the codec is built otherwise.
Transform transform_of(const Codec& codec);

// [B,C,H,W] -> [B*H*W,C]
Tensor columns(const Tensor& maps);

// The gain vectors behind g_a and the inverse ones before g_s, where the codec has them, and the signs of
// their logs.
std::vector<std::pair<Op, double>> latent_gains(Codec& codec);

// Sets the gains of the latents from `first` on to 1 / s, where s is the quantisation interval that suits
// each rate point if latents are coordinates in an orthonormal basis of pixels in [0,1]. Returns the gains,
// one per rate point.
std::vector<double> set_gains(Codec& codec, const std::vector<double>& rate_points, int64_t first);

}  // namespace compass::train
