// A layer at a size that it does not have.
#pragma once

#include "codec/image_view.h"
#include "codec/prediction_window.h"
#include "codec/runtime.h"

namespace compass {

// `picture`, a whole layer, at `size`: LIFF's own prediction where no side shrinks and the model has LIFF,
// resampled otherwise. `passed`: whether the picture's rows may be discarded on the way (PredictionWindow).
Image at_size(CodecRuntime& runtime, ImageView& picture, Size size, PredictionWindow::Passed passed);

}  // namespace compass
