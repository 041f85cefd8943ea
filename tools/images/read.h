// Reading pictures as rows of 8-bit sRGB.
#pragma once

#include <cstdint>
#include <span>

#include "common/photo.h"
#include "core/result.h"
#include "wire.h"

namespace compass::tools::images {

// Reads the picture whose file has these bytes, and sends it, but not an error that it returns: kBadFile (not
// a picture, damaged, over the limit, or refused by `strict`), kFailure, kIo (the command has ended). libvips
// must have been started.
Status read_picture(std::span<const uint8_t> bytes, const ReadSettings& settings, PhotoSender& sender);

}  // namespace compass::tools::images
