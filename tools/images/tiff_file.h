// libtiff on a libvips source: for tags that libvips does not hand on, and pictures it does not read.
#pragma once

#include <tiffio.h>

#include <memory>

#include "vips_handle.h"

namespace compass::tools::images {

struct CloseTiff {
  void operator()(TIFF* file) const { TIFFClose(file); }
};
using TiffFile = std::unique_ptr<TIFF, CloseTiff>;

// The first picture of a TIFF file; null if libtiff finds none. Its messages go to libvips' error text.
// `source` must outlive the file.
TiffFile open_tiff(VipsSource* source);

// Reads a picture of luma and chroma that is not compressed as JPEG (libvips takes those for RGB, or refuses
// them): 8-bit RGB, with profile, orientation, XMP and IPTC attached. Holds the whole picture. Null, with
// libvips' error text set, if it is damaged.
Handle<VipsImage> read_ycbcr_tiff(VipsSource* source);

}  // namespace compass::tools::images
