// The MD5 of a picture's pixels, by which copies of it on several machines can be compared.
#pragma once

#include <string>

#include "codec/decoder.h"

namespace compass::tools {

// In hexadecimal, of the 8-bit samples red, green, blue of every pixel, and of alpha behind them where the
// picture has it, row by row from the top, without gaps. `picture` is in bytes.
std::string pixel_md5(const DecodedPicture& picture);

}  // namespace compass::tools
