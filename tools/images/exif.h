// Exif blocks, corrected for a picture that was turned upright and converted to sRGB.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "colour_facts.h"
#include "core/size.h"

namespace compass::tools::images {

// An Exif block, from its TIFF header on, as it should be beside an upright picture of that size, sRGB or
// not: its orientation says upright, its colour space sRGB, its sizes the picture's; the embedded thumbnail
// is gone, and so are tags about the original's primaries and curves, and about places in it, which are
// counted in the original's pixels. `density` is added if the block states no resolution. All else, maker
// notes among it, stays where it was, byte by byte.
//
// `exif` may be hostile, and may begin with JPEG's "Exif\0\0". Empty if it is malformed, or if there is
// neither a block nor a density.
std::vector<uint8_t> true_exif(std::span<const uint8_t> exif, Size size, std::optional<Density> density = {},
                               bool srgb = true);

// A block of nothing but texts, in order of their tags; empty if there are none.
std::vector<uint8_t> exif_of(std::span<const TiffText> texts);

// Whether a block says that the picture is Adobe RGB, in one of the ways in which cameras do.
bool says_adobe_rgb(std::span<const uint8_t> exif);

// The resolution that a block states, if any.
std::optional<Density> density_of(std::span<const uint8_t> exif);

}  // namespace compass::tools::images
