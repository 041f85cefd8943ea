// Picture files for the evaluation library, which depends on no image library.
#pragma once

#include "eval/codec.h"

namespace compass::tools {

// Reads as read_image does (upright, sRGB, 8 bits) and writes by the path's extension.
eval::PictureFiles picture_files();

}  // namespace compass::tools
