// Metadata in written pictures. libvips' writers rebuild the Exif block: they add a resolution, and drop tags
// that their library does not know. So for formats of simple structure, metadata is inserted into the stream
// of bytes here, and libvips is told to write none.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bitstream/container.h"
#include "colour_facts.h"
#include "common/image_module.h"
#include "core/size.h"
#include "vips_handle.h"

namespace compass::tools::images {

// Why a picture of that format (".png") cannot take the chunk along: it is too large, or IPTC records, which
// only JPEG and TIFF get. Empty if it can; other formats without a place are for the reader of the result to
// notice.
std::string misfit(const std::string& format, const MetadataChunk& chunk);

// Stands between libvips and a sink. Chunks are corrected for a picture of `size` (exif.h, xmp.h), whoever
// wrote them; those with a misfit are left out.
class MetadataWriter : public ByteSink {
 public:
  MetadataWriter(const std::string& format, std::span<const MetadataChunk> chunks, Size size, bool alpha,
                 ByteSink& sink);

  // Hands over what libvips is to write; before it begins.
  void attach(VipsImage* picture) const;
  // Whether libvips is to write no metadata.
  bool strip() const {
    return (container_ != Container::kTiff && container_ != Container::kOther) || chunks_.empty();
  }

  Status write(std::span<const uint8_t> bytes) override;
  int64_t seek(int64_t offset, int whence) override { return sink_.seek(offset, whence); }
  int64_t read(std::span<uint8_t> out) override { return sink_.read(out); }
  Status restart() override { return sink_.restart(); }
  // After libvips' last byte.
  Status finish();

 private:
  enum class Container { kJpeg, kPng, kWebp, kTiff, kOther };

  const MetadataChunk* find(uint32_t type) const;
  // That Exif states.
  std::optional<Density> density() const;
  Status write_jpeg_start();
  Status write_png_chunks();
  std::vector<uint8_t> png_metadata() const;

  Container container_ = Container::kOther;
  Size size_;
  bool alpha_;
  std::vector<MetadataChunk> chunks_;
  ByteSink& sink_;
  bool passing_ = false;       // what comes goes straight on
  bool after_header_ = false;  // PNG's IHDR is written
  std::vector<uint8_t> held_;  // until then
};

}  // namespace compass::tools::images
