#include "metadata_writer.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "byte_writer.h"
#include "exif.h"
#include "iptc.h"
#include "written_files.h"
#include "xmp.h"

namespace compass::tools::images {
namespace {

constexpr std::string_view kJfif{"JFIF\0\1\2", 7};  // version 1.2
constexpr std::string_view kJpegExif{"Exif\0\0", 6};
constexpr std::string_view kJpegXmp{"http://ns.adobe.com/xap/1.0/\0", 29};
constexpr std::string_view kPngXmp{"XML:com.adobe.xmp\0\0\0\0\0", 22};  // not packed, no language
constexpr size_t kMaxSegment = 65533;                                   // bytes of a JPEG segment
constexpr size_t kMaxExif = size_t{1} << 20;                            // more is refused by usual readers

void append_segment(Bytes& out, uint8_t marker, std::string_view head, std::span<const uint8_t> content) {
  out.push_back(0xFF);
  out.push_back(marker);
  append_big(out, static_cast<uint32_t>(2 + head.size() + content.size()), 2);
  append(out, head);
  append(out, content);
}

// Unit, across, down, and no thumbnail.
Bytes jfif_density(const std::optional<Density>& density) {
  constexpr double kMetresPerInch = 0.0254;
  const auto whole = [](double v) { return static_cast<uint32_t>(std::clamp(std::round(v), 1.0, 65535.0)); };
  Bytes out;
  out.push_back(density ? 1 : 0);  // inches, or just a ratio
  append_big(out, density ? whole(density->x * kMetresPerInch) : 1, 2);
  append_big(out, density ? whole(density->y * kMetresPerInch) : 1, 2);
  append_big(out, 0, 2);
  return out;
}

// Packed, as PNG wants it.
Bytes deflated(std::span<const uint8_t> bytes) {
  uLongf length = compressBound(static_cast<uLong>(bytes.size()));
  Bytes out(length);
  compress(out.data(), &length, bytes.data(), static_cast<uLong>(bytes.size()));  // the room is enough
  out.resize(length);
  return out;
}

// In as many segments as it takes (ICC.1:2022, B.4).
void append_jpeg_profile(Bytes& out, std::span<const uint8_t> icc) {
  constexpr uint8_t kApp2 = 0xE2;
  constexpr std::string_view kName{"ICC_PROFILE\0", 12};
  constexpr size_t kRoom = kMaxSegment - kName.size() - 2;
  const size_t count = (icc.size() + kRoom - 1) / kRoom;
  for (size_t i = 0; i < count; ++i) {
    std::string head(kName);
    head += {static_cast<char>(i + 1), static_cast<char>(count)};
    append_segment(out, kApp2, head, icc.subspan(i * kRoom, std::min(kRoom, icc.size() - i * kRoom)));
  }
}

void append_png_chunk(Bytes& out, std::string_view type, std::span<const uint8_t> content) {
  append_big(out, static_cast<uint32_t>(content.size()), 4);
  const size_t start = out.size();
  append(out, type);
  append(out, content);
  append_big(out, static_cast<uint32_t>(crc32(0, out.data() + start, static_cast<uInt>(out.size() - start))),
             4);
}

}  // namespace

std::string misfit(const std::string& format, const MetadataChunk& chunk) {
  size_t room = SIZE_MAX;
  if (format == ".jpg" || format == ".jpeg") {
    if (chunk.type == MetadataChunk::kExif) room = kMaxSegment - kJpegExif.size();
    if (chunk.type == MetadataChunk::kXmp) room = kMaxSegment - kJpegXmp.size();
    if (chunk.type == MetadataChunk::kIptc) room = kMaxSegment - photoshop_segment({}).size() - 1;
  } else if (chunk.type == MetadataChunk::kExif) {
    room = kMaxExif;
  }
  const bool takes_iptc = format == ".jpg" || format == ".jpeg" || format == ".tif" || format == ".tiff";
  if (chunk.type == MetadataChunk::kIptc && !takes_iptc) return "it has no place for them";
  if (chunk.bytes.size() <= room) return {};
  return fmt::format("it has room for {} bytes", room);
}

MetadataWriter::MetadataWriter(const std::string& format, std::span<const MetadataChunk> chunks, Size size,
                               bool alpha, ByteSink& sink)
    : size_(size), alpha_(alpha), sink_(sink) {
  // The profile that is given is the pixels' own: others have none.
  if (format == ".jpg" || format == ".jpeg") container_ = Container::kJpeg;
  if (format == ".png") container_ = Container::kPng;
  if (format == ".webp") container_ = Container::kWebp;
  if (format == ".tif" || format == ".tiff") container_ = Container::kTiff;
  passing_ = container_ == Container::kTiff || container_ == Container::kOther;
  const bool srgb = std::ranges::find(chunks, MetadataChunk::kIcc, &MetadataChunk::type) == chunks.end();
  for (MetadataChunk chunk : chunks) {
    if (chunk.type == MetadataChunk::kExif) chunk.bytes = true_exif(chunk.bytes, size, {}, srgb);
    if (chunk.type == MetadataChunk::kXmp) chunk.bytes = true_xmp(chunk.bytes, size, srgb);
    const bool known = chunk.type == MetadataChunk::kExif || chunk.type == MetadataChunk::kXmp ||
                       chunk.type == MetadataChunk::kIptc || chunk.type == MetadataChunk::kIcc;
    if (known && !chunk.bytes.empty() && misfit(format, chunk).empty()) chunks_.push_back(std::move(chunk));
  }
}

const MetadataChunk* MetadataWriter::find(uint32_t type) const {
  const auto found = std::ranges::find(chunks_, type, &MetadataChunk::type);
  return found == chunks_.end() ? nullptr : &*found;
}

std::optional<Density> MetadataWriter::density() const {
  const MetadataChunk* const exif = find(MetadataChunk::kExif);
  return exif == nullptr ? std::nullopt : density_of(exif->bytes);
}

void MetadataWriter::attach(VipsImage* picture) const {
  // "none" is how libvips' writers are told that there is no resolution to state; TIFF's takes it for
  // centimetres.
  const MetadataChunk* const exif = find(MetadataChunk::kExif);
  const std::optional<Density> density = this->density();
  constexpr double kMillimetres = 1000;
  const double ratio = container_ == Container::kTiff ? 0.1 : 1;
  picture->Xres = density ? density->x / kMillimetres : ratio;
  picture->Yres = density ? density->y / kMillimetres : ratio;
  vips_image_set_string(picture, VIPS_META_RESOLUTION_UNIT, density ? "in" : "none");
  if (strip()) return;
  if (const MetadataChunk* const icc = find(MetadataChunk::kIcc); icc != nullptr) {
    vips_image_set_blob_copy(picture, VIPS_META_ICC_NAME, icc->bytes.data(), icc->bytes.size());
  }
  if (exif != nullptr) {
    Bytes bytes(kJpegExif.begin(), kJpegExif.end());
    append(bytes, exif->bytes);
    vips_image_set_blob_copy(picture, VIPS_META_EXIF_NAME, bytes.data(), bytes.size());
  }
  if (const MetadataChunk* const xmp = find(MetadataChunk::kXmp); xmp != nullptr) {
    vips_image_set_blob_copy(picture, VIPS_META_XMP_NAME, xmp->bytes.data(), xmp->bytes.size());
  }
  if (const MetadataChunk* const iptc = find(MetadataChunk::kIptc); iptc != nullptr) {
    // libvips cuts TIFF's own tag for them to a quarter; Photoshop's, which may hold them too, it keeps.
    const Bytes resources = photoshop_resources(iptc->bytes);
    vips_image_set_blob_copy(picture, VIPS_META_PHOTOSHOP_NAME, resources.data(), resources.size());
  }
}

Status MetadataWriter::write(std::span<const uint8_t> bytes) {
  if (passing_ || bytes.empty()) return sink_.write(bytes);
  append(held_, bytes);
  switch (container_) {
    case Container::kJpeg:
      return write_jpeg_start();
    case Container::kPng:
      return write_png_chunks();
    default:
      return {};  // WebP states its length first, and whether there is metadata
  }
}

// Behind the start marker. JFIF's segment says that the picture is luma and chroma; without a resolution its
// samples are just square.
Status MetadataWriter::write_jpeg_start() {
  constexpr uint8_t kApp0 = 0xE0;
  constexpr uint8_t kApp1 = 0xE1;
  constexpr uint8_t kApp13 = 0xED;
  if (held_.size() < 2) return {};
  Bytes out(held_.begin(), held_.begin() + 2);
  append_segment(out, kApp0, kJfif, jfif_density(density()));
  if (const MetadataChunk* const exif = find(MetadataChunk::kExif); exif != nullptr) {
    append_segment(out, kApp1, kJpegExif, exif->bytes);
  }
  if (const MetadataChunk* const xmp = find(MetadataChunk::kXmp); xmp != nullptr) {
    append_segment(out, kApp1, kJpegXmp, xmp->bytes);
  }
  if (const MetadataChunk* const iptc = find(MetadataChunk::kIptc); iptc != nullptr) {
    append_segment(out, kApp13, "", photoshop_segment(iptc->bytes));
  }
  if (const MetadataChunk* const icc = find(MetadataChunk::kIcc); icc != nullptr) {
    append_jpeg_profile(out, icc->bytes);
  }
  append(out, std::span<const uint8_t>(held_).subspan(2));
  held_.clear();
  passing_ = true;
  return sink_.write(out);
}

Bytes MetadataWriter::png_metadata() const {
  Bytes out;
  if (const MetadataChunk* const icc = find(MetadataChunk::kIcc); icc != nullptr) {
    Bytes content;
    append(content, "profile");
    content.insert(content.end(), {0, 0});  // the name's end; deflate
    append(content, deflated(icc->bytes));
    append_png_chunk(out, "iCCP", content);
  }
  if (const MetadataChunk* const exif = find(MetadataChunk::kExif); exif != nullptr) {
    if (const std::optional<Density> density = this->density()) {
      Bytes content;
      for (const double value : {density->x, density->y}) {
        append_big(content, static_cast<uint32_t>(std::clamp(std::round(value), 1.0, 2147483647.0)), 4);
      }
      content.push_back(1);  // a metre
      append_png_chunk(out, "pHYs", content);
    }
    append_png_chunk(out, "eXIf", exif->bytes);
  }
  if (const MetadataChunk* const xmp = find(MetadataChunk::kXmp); xmp != nullptr) {
    Bytes content(kPngXmp.begin(), kPngXmp.end());
    append(content, xmp->bytes);
    append_png_chunk(out, "iTXt", content);
  }
  return out;
}

// Passes on whole chunks up to the pixels, but for the resolution, which libvips makes up; ours go behind the
// first.
Status MetadataWriter::write_png_chunks() {
  constexpr size_t kSignature = 8;
  constexpr size_t kAround = 12;  // length, type, checksum
  size_t at = after_header_ ? 0 : kSignature;
  Bytes out;
  while (held_.size() >= at + 8) {
    const std::span<const uint8_t> rest = std::span(held_).subspan(at);
    if (is_type(rest.subspan(4), "IDAT")) {
      append(out, rest);
      held_.clear();
      passing_ = true;
      return sink_.write(out);
    }
    const uint64_t whole = uint64_t{big(rest)} + kAround;
    if (rest.size() < whole) break;
    if (!after_header_) append(out, std::span<const uint8_t>(held_).first(kSignature));
    if (!is_type(rest.subspan(4), "pHYs")) append(out, rest.first(whole));
    if (!after_header_) append(out, png_metadata());
    after_header_ = true;
    at += whole;
  }
  if (!after_header_) return {};
  held_.erase(held_.begin(), held_.begin() + static_cast<ptrdiff_t>(at));
  return out.empty() ? Status() : sink_.write(out);
}

Status MetadataWriter::finish() {
  if (container_ == Container::kTiff) return density() ? Status() : take_back_tiff_unit(sink_);
  if (container_ == Container::kWebp) {
    const auto bytes = [this](uint32_t type) {
      const MetadataChunk* const chunk = find(type);
      return chunk == nullptr ? std::span<const uint8_t>() : std::span<const uint8_t>(chunk->bytes);
    };
    return sink_.write(webp_with_metadata(
        held_, size_, alpha_,
        {bytes(MetadataChunk::kIcc), bytes(MetadataChunk::kExif), bytes(MetadataChunk::kXmp)}));
  }
  return held_.empty() ? Status() : sink_.write(held_);
}

}  // namespace compass::tools::images
