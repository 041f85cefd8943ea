// Exif, XMP, IPTC and colour profiles between libvips' pictures and the chunks of a .cmps file.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bitstream/container.h"
#include "colour_facts.h"
#include "core/size.h"
#include "vips_handle.h"

namespace compass::tools::images {

// What a picture carries, as chunks that are true of its upright sRGB pixels (exif.h, xmp.h). `profile` is
// the embedded profile if the pixels were converted by it, or, without `srgb`, are in its space; else empty:
// then they are sRGB by that name or another. A resolution that is stated outside Exif goes into it. Adds a
// line to `notes` for what cannot be carried.
std::vector<MetadataChunk> metadata_of(VipsImage* picture, const ColourFacts& facts,
                                       std::span<const uint8_t> profile, bool srgb,
                                       std::vector<std::string>& notes);

// The XMP packet that libvips found in a file, empty if none. It lives as long as the picture.
std::span<const uint8_t> xmp_packet(VipsImage* picture);

}  // namespace compass::tools::images
