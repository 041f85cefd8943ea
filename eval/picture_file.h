// Binary PPM, the one picture format every program here speaks; and pyramids of pictures.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "eval/picture.h"

namespace compass::eval {

// P6 with 8 bits a sample (image/ppm.h). Errors: kIo, kBadFile.
Result<Picture> read_ppm(const std::string& path);
Status write_ppm(const Picture& picture, const std::string& path);

// Antialiased bicubic resampling (src/image/resize.h: Pillow's convention), rounded to 8 bits.
Picture resampled(const Picture& picture, Size size);

// The originals of a pyramid, lowest first. Each layer is resampled from the picture itself, not from the
// layer above it; a layer of the picture's own size is the picture. `sizes` must not be larger than the
// picture.
std::vector<Picture> pyramid_of(const Picture& picture, const std::vector<Size>& sizes);

// XXH3-128 of size and samples, in hexadecimal: equal pictures, equal strings.
std::string content_hash(const Picture& picture);

// The same of any bytes.
std::string content_hash(const void* data, size_t size);

}  // namespace compass::eval
