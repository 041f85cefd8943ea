// Reading a picture that was just written, to check what the writer kept.
#pragma once

#include "common/image_module.h"
#include "core/size.h"

namespace compass::tools::images {

struct ReadBack {
  bool picture = false;  // there is one, of the size that was written
  size_t exif = 0;       // bytes; 0: none
  size_t xmp = 0;
  size_t icc = 0;

  // Whether a chunk of metadata came back, or at least most of it: writers put Exif together anew, and leave
  // out what they find too large. True for kinds that are never written.
  bool has(const MetadataChunk& chunk) const {
    if (chunk.type == MetadataChunk::kExif) return exif > 0 && exif >= chunk.bytes.size() / 2;
    if (chunk.type == MetadataChunk::kIcc) return icc > 0 && icc >= chunk.bytes.size();
    return chunk.type != MetadataChunk::kXmp || xmp > 0;
  }
};

// Reads the header of the file that is in `sink`, whose position moves. Nothing is there where the
// installed libraries cannot read the format.
ReadBack read_back(ByteSink& sink, Size size);

}  // namespace compass::tools::images
