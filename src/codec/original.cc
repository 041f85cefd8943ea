#include "codec/original.h"

#include "codec/image_view.h"
#include "image/resize.h"

namespace compass {

void Original::read(Size layer, Rect part, ThreadPool& pool, Tensor& map) const {
  if (layer != size_) {
    const Image smaller = resized(layer, part, pool);
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
    const size_t begin = 3 * static_cast<size_t>(part.x);
    float* out = map.pixel(y, 0);
    if (deep_.data != nullptr) {
      const uint16_t* in = deep_.row(part.y + y) + begin;
      for (int i = 0; i < 3 * part.width; ++i) out[i] = sample_of_deep(in[i]);
    } else {
      const uint8_t* in = bytes_.row(part.y + y) + begin;
      for (int i = 0; i < 3 * part.width; ++i) out[i] = samples[in[i]];
    }
  });
}

Image Original::resized(Size layer, Rect part, ThreadPool& pool) const {
  if (image_ != nullptr) return resize_region(*image_, layer, part, &pool);
  if (deep_.data != nullptr) return resize_region(deep_, layer, part, &pool);
  return resize_region(bytes_, layer, part, &pool);
}

Image Original::layer(Size layer, ThreadPool& pool) const {
  if (layer != size_) return resized(layer, whole(layer), pool);
  if (image_ != nullptr) return *image_;
  return deep_.data != nullptr ? from_rgb16(deep_) : from_rgb8(bytes_);
}

}  // namespace compass
