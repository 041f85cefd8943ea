#include "codec/any_size.h"

#include <algorithm>

#include "image/resize.h"

namespace compass {

Image at_size(CodecRuntime& runtime, ImageView& picture, Size size, PredictionWindow::Passed passed) {
  const Size have = picture.image.size();
  if (!is_predicted(have, size, *runtime.model)) return resize(picture.image, size, &runtime.pool);
  PredictionWindow prediction(runtime.networks.predictor(), picture, {have, size, size}, 0, size.width,
                              passed, std::min(kPredictionSide, size.height));
  Image larger = Image::unset(size);
  for (int top = 0; top < size.height; top += kPredictionSide) {
    const int bottom = std::min(top + kPredictionSide, size.height);
    prediction.move_to(top, bottom);
    for_rows(runtime.pool, bottom - top, [&](int row) {
      const float* in = prediction.pixel(top + row, 0);
      for (int c = 0; c < 3; ++c) {
        float* out = larger.row(c, top + row);
        for (int x = 0; x < size.width; ++x) out[x] = in[3 * x + c];
      }
    });
  }
  return larger;
}

}  // namespace compass
