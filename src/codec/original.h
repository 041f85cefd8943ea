// The picture to be encoded, as a source of the pixels of every layer. It is kept as it came, in 8 or 16 bits
// or in floats; lower layers are resampled part by part as the networks ask for them.
#pragma once

#include "core/size.h"
#include "core/tensor.h"
#include "core/thread_pool.h"
#include "image/image.h"

namespace compass {

class Original {
 public:
  // What is given must outlive the original.
  explicit Original(const Image& picture) : image_(&picture), size_(picture.size()) {}
  explicit Original(const Rgb8View& picture) : bytes_(picture), size_(picture.size) {}
  explicit Original(const Rgb16View& picture) : deep_(picture), size_(picture.size) {}

  Size size() const { return size_; }
  int pixel_bytes() const { return image_ != nullptr ? 12 : deep_.data != nullptr ? 6 : 3; }

  // Rectangle `part` of the layer of size `layer` as a map [3,h,w]: the same bits however the layer is cut.
  void read(Size layer, Rect part, ThreadPool& pool, Tensor& map) const;
  // The whole layer.
  Image layer(Size layer, ThreadPool& pool) const;

 private:
  Image resized(Size layer, Rect part, ThreadPool& pool) const;

  const Image* image_ = nullptr;
  Rgb8View bytes_;  // one of the three
  Rgb16View deep_;
  Size size_;
};

}  // namespace compass
