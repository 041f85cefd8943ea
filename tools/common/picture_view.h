// A picture to be written, and how its rows become the samples of a file.
#pragma once

#include <cstdint>

#include "core/plane.h"
#include "image/image.h"

namespace compass::tools {

struct PictureView {
  Rgb8View rgb;
  Rgb16View rgb16;              // instead of `rgb`
  const Image* deep = nullptr;  // instead of both
  PlaneView alpha;              // or none
  bool grey = false;            // the colours' mean is all there is to write

  PictureView() = default;
  PictureView(const Rgb8View& picture) : rgb(picture) {}  // NOLINT(google-explicit-constructor)
  bool is_deep() const { return deep != nullptr || rgb16.data != nullptr; }  // more than 8 bits a sample
  Size size() const { return deep != nullptr ? deep->size() : rgb16.data != nullptr ? rgb16.size : rgb.size; }
};

// Samples of a file: interleaved, of 8 bits, or of 16 in the machine's byte order.
struct FileSamples {
  bool alpha = false;  // else it is laid over white
  bool grey = false;   // else grey is written as three colours
  bool deep = false;   // 16 bits
  int quality = 95;    // of formats that lose something, 1 to 100
  int bands() const { return (grey ? 1 : 3) + (alpha ? 1 : 0); }
  size_t pixel_bytes() const { return static_cast<size_t>(bands()) * (deep ? 2 : 1); }
};

// Pixels [x, x + count) of row `y`, count * pixel_bytes() bytes.
void fill_row(const PictureView& picture, const FileSamples& samples, int x, int y, int count, uint8_t* out);

}  // namespace compass::tools
