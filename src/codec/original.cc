#include "codec/original.h"

#include "codec/image_view.h"
#include "image/resize.h"

namespace compass {

void Original::read(Size layer, Rect part, ThreadPool& pool, Tensor& map) const {
  if (layer != size_) {
    const Image smaller = image_ != nullptr ? resize_region(*image_, layer, part, &pool)
                                            : resize_region(bytes_, layer, part, &pool);
    const Rect all = whole(part.size());
    to_map(smaller, all, all, pool, map);
    return;
  }
  if (image_ != nullptr) {
    to_map(*image_, whole(size_), part, pool, map);
    return;
  }
  const auto& samples = samples_of_bytes();
  map.reshape(3, part.height, part.width);
  for_rows(pool, part.height, [&](int y) {
    const uint8_t* in = bytes_.row(part.y + y) + 3 * static_cast<size_t>(part.x);
    float* out = map.pixel(y, 0);
    for (int i = 0; i < 3 * part.width; ++i) out[i] = samples[in[i]];
  });
}

Image Original::layer(Size layer, ThreadPool& pool) const {
  const Rect all = whole(layer);
  if (layer != size_) {
    return image_ != nullptr ? resize_region(*image_, layer, all, &pool)
                             : resize_region(bytes_, layer, all, &pool);
  }
  return image_ != nullptr ? *image_ : from_rgb8(bytes_);
}

}  // namespace compass
