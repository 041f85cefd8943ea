// Files that libvips has written, changed afterwards.
#pragma once

#include "byte_writer.h"
#include "common/image_module.h"
#include "core/size.h"

namespace compass::tools::images {

// A WebP file of one still picture without alpha, with that metadata (none where empty) and no other.
struct WebpMetadata {
  std::span<const uint8_t> icc, exif, xmp;
};
Bytes webp_with_metadata(std::span<const uint8_t> file, Size size, bool alpha, const WebpMetadata& metadata);

// Makes the TIFF file in the sink state no unit for its resolution. Errors: the sink's.
Status take_back_tiff_unit(ByteSink& sink);

}  // namespace compass::tools::images
