// Exif, XMP and IPTC in the boxes of JPEG 2000 and JPEG XL files, which their decoders pass over.
#pragma once

#include <cstdint>
#include <span>

namespace compass::tools::images {

// Parts of the file; empty: none.
struct BoxMetadata {
  std::span<const uint8_t> exif;  // from its byte order mark on
  std::span<const uint8_t> xmp;
  std::span<const uint8_t> iptc;
  bool compressed = false;  // there is some in JPEG XL's compressed boxes, which are not unpacked
};

// `file` is a whole file; what is no box, or cut, ends the search. A bare codestream has no boxes.
BoxMetadata box_metadata(std::span<const uint8_t> file);

}  // namespace compass::tools::images
