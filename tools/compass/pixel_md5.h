// The MD5 of a picture's pixels, by which copies of it on several machines can be compared.
#pragma once

#include <string>

#include "common/picture_view.h"

namespace compass::tools {

// In hexadecimal, of the 8-bit samples that are written of every pixel, red, green, blue, and alpha if the
// picture has it, row by row from the top, without gaps: what follows the header of a PPM or PAM file of
// three colours.
std::string pixel_md5(const PictureView& picture);

}  // namespace compass::tools
