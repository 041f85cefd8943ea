// The picture to be encoded, from which pixels of every layer are read. It stays as the caller has it, in 8
// or 16 bits or in floats; rectangles of lower layers are resampled when they are read.
#pragma once

#include "core/size.h"
#include "core/tensor.h"
#include "core/thread_pool.h"
#include "image/image.h"

namespace compass {

class Original {
 public:
  // The picture must outlive the object.
  explicit Original(const Image& picture) : image_(&picture), size_(picture.size()) {}
  explicit Original(const Rgb8View& picture) : bytes_(picture), size_(picture.size) {}
  explicit Original(const Rgb16View& picture) : deep_(picture), size_(picture.size) {}

  Size size() const { return size_; }
  int pixel_bytes() const { return image_ != nullptr ? 12 : deep_.data != nullptr ? 6 : 3; }

  // Rectangle `part` of the layer of size `layer` as a map [3,h,w]. A pixel's bits do not depend on the
  // rectangle.
  void read(Size layer, Rect part, ThreadPool& pool, Tensor& map) const;
  // The whole layer.
  Image layer(Size layer, ThreadPool& pool) const;

 private:
  Image resized(Size layer, Rect part, ThreadPool& pool) const;

  const Image* image_ = nullptr;
  Rgb8View bytes_;  // one of the three is used
  Rgb16View deep_;
  Size size_;
};

}  // namespace compass
