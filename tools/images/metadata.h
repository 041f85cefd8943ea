// Exif, XMP and colour profiles between libvips' pictures and the chunks of a .cmps file.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bitstream/container.h"
#include "vips_handle.h"

namespace compass::tools::images {

// What a picture carries, as chunks. The profile is taken only if `converted`: if the pixels were transformed
// by it; otherwise they are sRGB by that name or another. Adds a line to `notes` for what is too large to
// carry.
std::vector<MetadataChunk> metadata_of(VipsImage* picture, bool converted, std::vector<std::string>& notes);

// Hands Exif and XMP to the picture that is about to be saved. The profile stays behind: it describes the
// original's numbers, and the pixels are sRGB.
void attach_metadata(std::span<const MetadataChunk> chunks, VipsImage* picture);

// An Exif block from its TIFF header on, with the orientation set to upright, as the pixels are. `exif` may
// begin with JPEG's "Exif\0\0". Only the tag's value changes; a block that has no such tag, or makes no
// sense, comes back as it is.
std::vector<uint8_t> upright_exif(std::span<const uint8_t> exif);

}  // namespace compass::tools::images
