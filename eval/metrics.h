// How far a decoded picture is from its original.
#pragma once

#include "core/result.h"
#include "eval/picture.h"

namespace compass::eval {

// Peak signal-to-noise ratio in dB: 10 log10(255^2 / MSE), the mean taken over all samples of R, G and B
// together. Equal pictures give +infinity. Errors: kUsage if the sizes differ or are empty.
Result<double> psnr(const Picture& a, const Picture& b);

// Multi-scale structural similarity (Wang, Simoncelli and Bovik, Asilomar 2003) with the conventions of the
// learned-compression literature (CompressAI, through the pytorch_msssim package): 11x11 Gaussian window of
// sigma 1.5, valid positions only; K1 = 0.01, K2 = 0.03, range 255; five scales, weights .0448 .2856 .3001
// .2363 .1333; 2x2 means between scales, where an odd side first gets a row of zeros in front; terms below
// zero count as zero; computed per colour channel, then averaged. Not the luma-only form of the original
// code.
//
// The fifth scale must hold one window: the shorter side must exceed kMsSsimMinSide. Errors: kUsage if it
// does not, or if the sizes differ.
inline constexpr int kMsSsimMinSide = 160;
Result<double> ms_ssim(const Picture& a, const Picture& b);

// MS-SSIM on a scale that spreads values near 1: -10 log10(1 - value), in dB. 1 gives +infinity.
double ms_ssim_db(double ms_ssim);

}  // namespace compass::eval
