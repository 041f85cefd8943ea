#include "box_metadata.h"

#include <algorithm>
#include <string_view>

namespace compass::tools::images {
namespace {

using Bytes = std::span<const uint8_t>;

// What makers of JPEG 2000 files agree on, for boxes of type "uuid".
constexpr std::string_view kXmpId{"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac", 16};
constexpr std::string_view kIptcId{"\x33\xc7\xa4\xd2\xb8\x1d\x47\x23\xa0\xba\xf1\xa3\xe0\x97\xad\x38", 16};
constexpr std::string_view kExifId{"JpgTiffExif->JP2", 16};

uint64_t big_endian(Bytes bytes) {
  uint64_t value = 0;
  for (const uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// JPEG XL (ISO/IEC 18181-2): four bytes say how far behind them the TIFF header is.
Bytes exif_in(Bytes content) {
  constexpr size_t kOffset = 4;
  if (content.size() < kOffset) return {};
  const uint64_t skipped = big_endian(content.first(kOffset));
  content = content.subspan(kOffset);
  return skipped < content.size() ? content.subspan(skipped) : Bytes();
}

// The first of a kind counts.
void take_first(Bytes content, Bytes& kept) {
  if (kept.empty()) kept = content;
}

void take_uuid(Bytes content, BoxMetadata& metadata) {
  const Bytes rest = content.subspan(std::min(content.size(), kXmpId.size()));
  const std::string_view text = text_of(content);
  if (text.starts_with(kXmpId)) take_first(rest, metadata.xmp);
  if (text.starts_with(kIptcId)) take_first(rest, metadata.iptc);
  if (text.starts_with(kExifId)) take_first(rest, metadata.exif);
}

void take_box(std::string_view type, Bytes content, BoxMetadata& metadata) {
  if (type == "uuid") take_uuid(content, metadata);
  if (type == "Exif") take_first(exif_in(content), metadata.exif);
  if (type == "xml " && text_of(content).find("<x:xmpmeta") != std::string_view::npos) {  // or any other XML
    take_first(content, metadata.xmp);
  }
  const std::string_view packed = type == "brob" ? text_of(content).substr(0, 4) : std::string_view();
  if (packed == "Exif" || packed == "xml ") metadata.compressed = true;
}

}  // namespace

BoxMetadata box_metadata(Bytes file) {
  constexpr size_t kHeader = 8, kLongHeader = 16;
  BoxMetadata metadata;
  while (file.size() >= kHeader) {
    uint64_t length = big_endian(file.first(4));
    size_t header = kHeader;
    if (length == 1 && file.size() >= kLongHeader) {
      length = big_endian(file.subspan(kHeader, 8));
      header = kLongHeader;
    } else if (length == 0) {
      length = file.size();  // up to the end
    }
    if (length < header || length > file.size()) break;
    take_box(text_of(file.subspan(4, 4)), file.subspan(header, length - header), metadata);
    file = file.subspan(length);
  }
  return metadata;
}

}  // namespace compass::tools::images
