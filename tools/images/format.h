// A file's format by its first bytes: formats that are read, and names for messages of known ones that are
// not.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/result.h"

namespace compass::tools::images {

// The formats that are read.
enum class Format { kJpeg, kPng, kWebp, kTiff, kGif, kHeif, kJxl, kJp2, kPnm };

std::string_view name_of(Format format);

// `beginning`: 4096 bytes, fewer if the file is shorter. Errors: kBadFile, naming the format if it is a known
// one that is not read.
Result<Format> format_of(std::span<const uint8_t> beginning);

// Whether a TIFF file is a camera's raw data, which a plain TIFF reader would take for its thumbnail or for
// grey.
bool is_camera_raw(std::span<const uint8_t> tiff);

}  // namespace compass::tools::images
