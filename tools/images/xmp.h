// XMP packets, corrected for a picture that was turned upright and converted to sRGB.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/size.h"

namespace compass::tools::images {

// An XMP packet as it should be beside an upright sRGB picture of that size: tiff:Orientation says upright,
// exif:ColorSpace sRGB, the sizes of both schemas are the picture's, the name of the profile is sRGB's, and
// embedded thumbnails are gone. Attributes and elements alike, under whatever prefix. All else stays as it
// was. Empty if the packet is in UTF-16 or UTF-32, which cannot be seen through.
std::vector<uint8_t> true_xmp(std::span<const uint8_t> xmp, Size size, bool srgb = true);

}  // namespace compass::tools::images
