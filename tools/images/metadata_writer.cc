#include "metadata_writer.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "exif.h"
#include "iptc.h"
#include "xmp.h"

namespace compass::tools::images {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr std::string_view kJfif{"JFIF\0\1\2", 7};  // version 1.2
constexpr std::string_view kJpegExif{"Exif\0\0", 6};
constexpr std::string_view kJpegXmp{"http://ns.adobe.com/xap/1.0/\0", 29};
constexpr std::string_view kPngXmp{"XML:com.adobe.xmp\0\0\0\0\0", 22};  // not packed, no language
constexpr size_t kMaxSegment = 65533;                                   // bytes of a JPEG segment
constexpr size_t kMaxExif = size_t{1} << 20;                            // more is refused by usual readers

void append(Bytes& out, std::string_view text) {
  out.insert(out.end(), text.begin(), text.end());
}

void append(Bytes& out, std::span<const uint8_t> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_big(Bytes& out, uint32_t value, int count) {
  for (int i = count - 1; i >= 0; --i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

void append_little(Bytes& out, uint32_t value, int count) {
  for (int i = 0; i < count; ++i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

uint32_t big(std::span<const uint8_t> bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

uint32_t little(std::span<const uint8_t> bytes) {
  return uint32_t{bytes[3]} << 24 | uint32_t{bytes[2]} << 16 | uint32_t{bytes[1]} << 8 | bytes[0];
}

bool is_type(std::span<const uint8_t> bytes, std::string_view type) {
  return std::equal(type.begin(), type.end(), bytes.begin());
}

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

void append_png_chunk(Bytes& out, std::string_view type, std::span<const uint8_t> content) {
  append_big(out, static_cast<uint32_t>(content.size()), 4);
  const size_t start = out.size();
  append(out, type);
  append(out, content);
  append_big(out, static_cast<uint32_t>(crc32(0, out.data() + start, static_cast<uInt>(out.size() - start))),
             4);
}

void append_riff_chunk(Bytes& out, std::string_view type, std::span<const uint8_t> content) {
  append(out, type);
  append_little(out, static_cast<uint32_t>(content.size()), 4);
  append(out, content);
  if (content.size() % 2 == 1) out.push_back(0);
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
  if (chunk.bytes.size() <= room) return {};
  return fmt::format("{} bytes are more than the {} that it has room for", chunk.bytes.size(), room);
}

MetadataWriter::MetadataWriter(const std::string& format, std::span<const MetadataChunk> chunks, Size size,
                               ByteSink& sink)
    : size_(size), sink_(sink) {
  if (format == ".jpg" || format == ".jpeg") container_ = Container::kJpeg;
  if (format == ".png") container_ = Container::kPng;
  if (format == ".webp") container_ = Container::kWebp;
  if (format == ".tif" || format == ".tiff") container_ = Container::kTiff;
  passing_ = container_ == Container::kTiff || container_ == Container::kOther;
  for (MetadataChunk chunk : chunks) {
    if (chunk.type == MetadataChunk::kExif) chunk.bytes = true_exif(chunk.bytes, size);
    if (chunk.type == MetadataChunk::kXmp) chunk.bytes = true_xmp(chunk.bytes, size);
    const bool known = chunk.type == MetadataChunk::kExif || chunk.type == MetadataChunk::kXmp ||
                       chunk.type == MetadataChunk::kIptc;  // the profile is the original's: pixels are sRGB
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
  append(out, std::span<const uint8_t>(held_).subspan(2));
  held_.clear();
  passing_ = true;
  return sink_.write(out);
}

Bytes MetadataWriter::png_metadata() const {
  Bytes out;
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

// With metadata, the picture's chunk stands behind a chunk VP8X that says what there is, and its size;
// without, alone (WebP container specification, "Extended File Format"). What else libvips wrote goes: not
// every version writes no Exif when it is told so.
Status MetadataWriter::write_webp() {
  constexpr size_t kRiffHeader = 12;
  constexpr size_t kChunkHeader = 8;
  constexpr uint8_t kHasExif = 8;
  constexpr uint8_t kHasXmp = 4;
  const MetadataChunk* const exif = find(MetadataChunk::kExif);
  const MetadataChunk* const xmp = find(MetadataChunk::kXmp);
  Bytes chunks;
  append(chunks, "WEBP");
  if (exif != nullptr || xmp != nullptr) {
    const int flags = (exif != nullptr ? kHasExif : 0) | (xmp != nullptr ? kHasXmp : 0);
    Bytes content;
    append_little(content, static_cast<uint32_t>(flags), 4);
    append_little(content, static_cast<uint32_t>(size_.width - 1), 3);
    append_little(content, static_cast<uint32_t>(size_.height - 1), 3);
    append_riff_chunk(chunks, "VP8X", content);
  }
  std::span<const uint8_t> rest =
      std::span<const uint8_t>(held_).subspan(std::min(held_.size(), kRiffHeader));
  while (rest.size() >= kChunkHeader) {
    const size_t length = std::min<size_t>(little(rest.subspan(4)), rest.size() - kChunkHeader);
    const std::span<const uint8_t> content = rest.subspan(kChunkHeader, length);
    if (is_type(rest, "VP8 ")) append_riff_chunk(chunks, "VP8 ", content);
    if (is_type(rest, "VP8L")) append_riff_chunk(chunks, "VP8L", content);
    rest = rest.subspan(std::min(rest.size(), kChunkHeader + length + length % 2));
  }
  if (exif != nullptr) append_riff_chunk(chunks, "EXIF", exif->bytes);
  if (xmp != nullptr) append_riff_chunk(chunks, "XMP ", xmp->bytes);
  Bytes out;
  append(out, "RIFF");
  append_little(out, static_cast<uint32_t>(chunks.size()), 4);
  append(out, chunks);
  return sink_.write(out);
}

// libvips states some resolution in every TIFF file. Where nobody did, it becomes what the format has for
// that: no unit, so that the numbers are just a ratio.
Status MetadataWriter::take_back_tiff_unit() {
  const auto read_at = [this](int64_t at, std::span<uint8_t> out) {
    return sink_.seek(at, SEEK_SET) == at && sink_.read(out) == static_cast<int64_t>(out.size());
  };
  std::array<uint8_t, 16> head{};
  if (!read_at(0, head)) return {};
  const bool is_little = head[0] == 'I';
  const auto number = [is_little](std::span<const uint8_t> bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.size(); ++i)
      value = value << 8 | bytes[is_little ? bytes.size() - 1 - i : i];
    return value;
  };
  const std::span<const uint8_t> start(head);
  const bool large = number(start.subspan(2, 2)) == 43;  // BigTIFF: longer offsets
  const auto directory = static_cast<int64_t>(number(large ? start.subspan(8, 8) : start.subspan(4, 4)));
  std::array<uint8_t, 8> count{};
  const size_t count_bytes = large ? 8 : 2;
  if (!read_at(directory, std::span(count).first(count_bytes))) return {};
  const int64_t entry_bytes = large ? 20 : 12;
  const auto entries = static_cast<int64_t>(number(std::span<const uint8_t>(count).first(count_bytes)));
  for (int64_t i = 0; i < std::min<int64_t>(entries, 4096); ++i) {
    const int64_t entry = directory + static_cast<int64_t>(count_bytes) + entry_bytes * i;
    std::array<uint8_t, 2> tag{};
    constexpr uint64_t kResolutionUnit = 296;
    if (!read_at(entry, tag)) return {};
    if (number(tag) != kResolutionUnit) continue;
    const int64_t value = entry + entry_bytes - (large ? 8 : 4);
    if (sink_.seek(value, SEEK_SET) != value) return {};
    const std::array<uint8_t, 2> none{static_cast<uint8_t>(is_little ? 1 : 0),
                                      static_cast<uint8_t>(is_little ? 0 : 1)};
    return sink_.write(none);
  }
  return {};
}

Status MetadataWriter::finish() {
  if (container_ == Container::kTiff) return density() ? Status() : take_back_tiff_unit();
  if (container_ == Container::kWebp) return write_webp();
  return held_.empty() ? Status() : sink_.write(held_);
}

}  // namespace compass::tools::images
