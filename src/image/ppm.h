// Binary PPM with 8 bits a sample (P6): the picture format that takes no library. Programs write it, the
// evaluation and the trainer read it. Pictures of users may have any of Netpbm's formats: tools/images/pnm.cc
// reads those.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/result.h"
#include "core/size.h"
#include "image/image.h"

namespace compass {

// What stands in front of the samples, [height][width][3] bytes.
std::string ppm_header(Size size);

// The picture in a file's bytes, to which the view points. Error: kBadFile, without the file's name.
Result<Rgb8View> parse_ppm(std::span<const uint8_t> file);

}  // namespace compass
