// Weights from a file, also for codecs with more latents than the file's.
#pragma once

#include <random>

#include "dataset.h"
#include "model_file/safetensors.h"
#include "system.h"

namespace compass::train {

// How many latents a codec's weights came with, where it has more now; else 0.
struct KnownLatents {
  int64_t base = 0, enhancement = 0;
};

// Copies the parameters whose names and shapes fit, and says which stay fresh. Parameters of a codec with
// fewer latents fill the first channels of those here, zeros the rest: the codec does what it did. So it does
// at the first rate points where the file has fewer of them; gain vectors of the others go on in a straight
// line. Throws c10::Error naming a tensor that cannot be read.
KnownLatents copy_weights(System& system, const Safetensors& file, const std::string& path);

// Initialises the latents that the file did not have. Gradient descent on pictures finds the corrections to
// g_s's map at 1/8 of the picture's size that lower the squared error most. Their principal components become
// the new latents' part of g_s; least squares gives g_a's part.
struct WidenExamples {
  int64_t batches = 12, batch = 16;
  int64_t side = 128;  // pixels; twice that for the enhancement codec, of a quarter of the pictures
};
void widen(System& system, const KnownLatents& known, const std::vector<Picture>& pictures,
           const WidenExamples& examples, std::mt19937_64& random);

}  // namespace compass::train
