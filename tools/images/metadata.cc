#include "metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace compass::tools::images {
namespace {

constexpr std::array<uint8_t, 6> kExifHeader{'E', 'x', 'i',
                                             'f', 0,   0};  // in front of the TIFF header in JPEG
constexpr size_t kMaxChunkBytes = size_t{16} << 20;         // readers accept 64 MiB in all

std::span<const uint8_t> blob(VipsImage* picture, const char* name) {
  const void* data = nullptr;
  size_t bytes = 0;
  if (vips_image_get_typeof(picture, name) == 0 || vips_image_get_blob(picture, name, &data, &bytes) != 0)
    return {};
  return {static_cast<const uint8_t*>(data), bytes};
}

// Numbers of a TIFF block, in its byte order; 0 beyond its end.
class Tiff {
 public:
  explicit Tiff(std::span<const uint8_t> bytes) : bytes_(bytes), little_(!bytes.empty() && bytes[0] == 'I') {}
  uint32_t number(size_t at, size_t count) const {
    if (at > bytes_.size() || bytes_.size() - at < count) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) value = value << 8 | bytes_[at + (little_ ? count - 1 - i : i)];
    return value;
  }
  bool valid() const {
    return bytes_.size() >= 8 && (bytes_[0] == 'I' || bytes_[0] == 'M') && bytes_[1] == bytes_[0] &&
           number(2, 2) == 42;
  }
  bool little() const { return little_; }

 private:
  std::span<const uint8_t> bytes_;
  bool little_;
};

}  // namespace

std::vector<uint8_t> upright_exif(std::span<const uint8_t> exif) {
  if (exif.size() >= kExifHeader.size() && std::equal(kExifHeader.begin(), kExifHeader.end(), exif.begin())) {
    exif = exif.subspan(kExifHeader.size());
  }
  std::vector<uint8_t> upright(exif.begin(), exif.end());
  const Tiff tiff(exif);
  if (!tiff.valid()) return upright;
  // TIFF 6.0: the first directory is a count and entries of tag, type, number of values, value.
  constexpr uint32_t kOrientation = 274;
  constexpr uint32_t kShort = 3;
  const size_t directory = tiff.number(4, 4);
  const size_t entries = tiff.number(directory, 2);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + 12 * i;
    if (tiff.number(entry, 2) != kOrientation || tiff.number(entry + 2, 2) != kShort ||
        entry + 12 > upright.size()) {
      continue;
    }
    upright[entry + 8] = tiff.little() ? 1 : 0;
    upright[entry + 9] = tiff.little() ? 0 : 1;
  }
  return upright;
}

std::vector<MetadataChunk> metadata_of(VipsImage* picture, bool converted, std::vector<std::string>& notes) {
  std::vector<MetadataChunk> chunks;
  const auto take = [&](const char* name, uint32_t type, const char* words) {
    const std::span<const uint8_t> bytes = blob(picture, name);
    if (bytes.empty()) return;
    if (bytes.size() > kMaxChunkBytes) {
      notes.push_back(
          fmt::format("its {} of {} bytes is too large to carry along and is dropped", words, bytes.size()));
      return;
    }
    chunks.push_back({type, {bytes.begin(), bytes.end()}});
  };
  if (converted) take(VIPS_META_ICC_NAME, MetadataChunk::kIcc, "colour profile");
  take(VIPS_META_EXIF_NAME, MetadataChunk::kExif, "Exif block");
  take(VIPS_META_XMP_NAME, MetadataChunk::kXmp, "XMP packet");
  for (MetadataChunk& chunk : chunks) {
    if (chunk.type == MetadataChunk::kExif) chunk.bytes = upright_exif(chunk.bytes);
  }
  return chunks;
}

void attach_metadata(std::span<const MetadataChunk> chunks, VipsImage* picture) {
  for (const MetadataChunk& chunk : chunks) {
    if (chunk.type == MetadataChunk::kExif) {
      std::vector<uint8_t> bytes(kExifHeader.begin(), kExifHeader.end());
      const std::vector<uint8_t> upright = upright_exif(chunk.bytes);  // whoever wrote the file
      bytes.insert(bytes.end(), upright.begin(), upright.end());
      vips_image_set_blob_copy(picture, VIPS_META_EXIF_NAME, bytes.data(), bytes.size());
    } else if (chunk.type == MetadataChunk::kXmp) {
      vips_image_set_blob_copy(picture, VIPS_META_XMP_NAME, chunk.bytes.data(), chunk.bytes.size());
    }
  }
}

}  // namespace compass::tools::images
