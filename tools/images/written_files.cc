#include "written_files.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace compass::tools::images {
namespace {

void append_riff_chunk(Bytes& out, std::string_view type, std::span<const uint8_t> content) {
  append(out, type);
  append_little(out, static_cast<uint32_t>(content.size()), 4);
  append(out, content);
  if (content.size() % 2 == 1) out.push_back(0);
}

}  // namespace

// With metadata or alpha, the picture's chunk stands behind a chunk VP8X that says what there is, and its
// size; without, alone (WebP container specification, "Extended File Format"). What else libvips wrote goes:
// not every version writes no Exif when it is told so.
Bytes webp_with_metadata(std::span<const uint8_t> file, Size size, bool alpha, const WebpMetadata& metadata) {
  const auto& [icc, exif, xmp] = metadata;
  constexpr size_t kRiffHeader = 12;
  constexpr size_t kChunkHeader = 8;
  constexpr uint8_t kHasIcc = 32;
  constexpr uint8_t kHasAlpha = 16;
  constexpr uint8_t kHasExif = 8;
  constexpr uint8_t kHasXmp = 4;
  Bytes chunks{'W', 'E', 'B', 'P'};
  if (alpha || !icc.empty() || !exif.empty() || !xmp.empty()) {
    const int flags = (alpha ? kHasAlpha : 0) | (!icc.empty() ? kHasIcc : 0) |
                      (!exif.empty() ? kHasExif : 0) | (!xmp.empty() ? kHasXmp : 0);
    Bytes content;
    append_little(content, static_cast<uint32_t>(flags), 4);
    append_little(content, static_cast<uint32_t>(size.width - 1), 3);
    append_little(content, static_cast<uint32_t>(size.height - 1), 3);
    append_riff_chunk(chunks, "VP8X", content);
  }
  if (!icc.empty()) append_riff_chunk(chunks, "ICCP", icc);
  std::span<const uint8_t> rest = file.subspan(std::min(file.size(), kRiffHeader));
  while (rest.size() >= kChunkHeader) {
    const size_t length = std::min<size_t>(little(rest.subspan(4)), rest.size() - kChunkHeader);
    const std::span<const uint8_t> content = rest.subspan(kChunkHeader, length);
    if (is_type(rest, "ALPH")) append_riff_chunk(chunks, "ALPH", content);
    if (is_type(rest, "VP8 ")) append_riff_chunk(chunks, "VP8 ", content);
    if (is_type(rest, "VP8L")) append_riff_chunk(chunks, "VP8L", content);
    rest = rest.subspan(std::min(rest.size(), kChunkHeader + length + length % 2));
  }
  if (!exif.empty()) append_riff_chunk(chunks, "EXIF", exif);
  if (!xmp.empty()) append_riff_chunk(chunks, "XMP ", xmp);
  Bytes out;
  append(out, "RIFF");
  append_little(out, static_cast<uint32_t>(chunks.size()), 4);
  append(out, chunks);
  return out;
}

// libvips states some resolution in every TIFF file. Where none was given, the unit is removed, so that the
// numbers are just a ratio.
Status take_back_tiff_unit(ByteSink& sink) {
  const auto read_at = [&sink](int64_t at, std::span<uint8_t> out) {
    return sink.seek(at, SEEK_SET) == at && sink.read(out) == static_cast<int64_t>(out.size());
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
    if (sink.seek(value, SEEK_SET) != value) return {};
    const std::array<uint8_t, 2> none{static_cast<uint8_t>(is_little ? 1 : 0),
                                      static_cast<uint8_t>(is_little ? 0 : 1)};
    return sink.write(none);
  }
  return {};
}

}  // namespace compass::tools::images
