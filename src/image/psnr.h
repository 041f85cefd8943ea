// Peak signal-to-noise ratio between pictures.
#pragma once

#include "image/image.h"

namespace compass {

// 10 log10(255^2 / MSE) in dB over all samples of R, G and B of the two pictures as to_rgb8 makes them
// (clamped, 8 bits): what a viewer of the decoded file would measure. Infinite if the pictures are equal.
// Their sizes must be the same.
double psnr(const Image& a, const Image& b);

}  // namespace compass
