#include "metadata.h"

#include <fmt/format.h>

#include <memory>
#include <string_view>
#include <utility>

#include "exif.h"
#include "iptc.h"
#include "xmp.h"

namespace compass::tools::images {
namespace {

constexpr size_t kMaxChunkBytes = size_t{16} << 20;  // readers accept 64 MiB in all
constexpr int kFirstSideways = 5;                    // of Exif's orientations

std::span<const uint8_t> blob(VipsImage* picture, const char* name) {
  const void* data = nullptr;
  size_t bytes = 0;
  if (vips_image_get_typeof(picture, name) == 0 || vips_image_get_blob(picture, name, &data, &bytes) != 0)
    return {};
  return {static_cast<const uint8_t*>(data), bytes};
}

// What the file states outside Exif, for the stored picture. libvips makes one up where there is none, but
// names a unit only where the file does.
std::optional<Density> stated_density(VipsImage* picture, const ColourFacts& facts) {
  if (facts.density) return facts.density;
  if (vips_image_get_typeof(picture, VIPS_META_RESOLUTION_UNIT) == 0) return std::nullopt;
  constexpr double kMillimetres = 1000;
  const Density density{vips_image_get_xres(picture) * kMillimetres,
                        vips_image_get_yres(picture) * kMillimetres};
  if (density.x <= 0 || density.y <= 0) return std::nullopt;
  return density;
}

// Collects chunks, and says what is too large.
class Chunks {
 public:
  explicit Chunks(std::vector<std::string>& notes) : notes_(notes) {}

  void add(uint32_t type, std::vector<uint8_t> bytes, const char* words) {
    if (bytes.empty()) return;
    if (bytes.size() > kMaxChunkBytes) {
      notes_.push_back(
          fmt::format("its {} of {} bytes is too large to carry along and is dropped", words, bytes.size()));
      return;
    }
    chunks_.push_back({type, std::move(bytes)});
  }
  // `made` of what the file holds; if that is nothing, it was of no use.
  void add_made(uint32_t type, std::span<const uint8_t> held, std::vector<uint8_t> made, const char* words) {
    if (!held.empty() && made.empty())
      notes_.push_back(fmt::format("its {} is malformed and is dropped", words));
    add(type, std::move(made), words);
  }
  std::vector<MetadataChunk> take() { return std::move(chunks_); }

 private:
  std::vector<MetadataChunk> chunks_;
  std::vector<std::string>& notes_;
};

}  // namespace

std::span<const uint8_t> xmp_packet(VipsImage* picture) {
  if (const std::span<const uint8_t> xmp = blob(picture, VIPS_META_XMP_NAME); !xmp.empty()) return xmp;
  // Of HEIF, libvips up to 8.14 takes for XMP only what begins with its root element. Most writers put
  // <?xpacket in front; then it lies under a name with a number.
  const std::unique_ptr<gchar*, decltype(&g_strfreev)> names(vips_image_get_fields(picture), g_strfreev);
  for (gchar** name = names.get(); name != nullptr && *name != nullptr; ++name) {
    if (!std::string_view(*name).starts_with("heif-mime-")) continue;
    const std::span<const uint8_t> bytes = blob(picture, *name);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (text.find("<x:xmpmeta") != text.npos || text.find("<rdf:RDF") != text.npos) return bytes;
  }
  return {};
}

std::vector<MetadataChunk> metadata_of(VipsImage* picture, const ColourFacts& facts,
                                       std::span<const uint8_t> profile, bool srgb,
                                       std::vector<std::string>& notes) {
  Size size{vips_image_get_width(picture), vips_image_get_height(picture)};
  std::optional<Density> density = stated_density(picture, facts);
  if (vips_image_get_orientation(picture) >= kFirstSideways) {
    std::swap(size.width, size.height);
    if (density) std::swap(density->x, density->y);
  }
  Chunks chunks(notes);
  chunks.add(MetadataChunk::kIcc, {profile.begin(), profile.end()}, "colour profile");
  std::span<const uint8_t> exif = blob(picture, VIPS_META_EXIF_NAME);
  const std::vector<uint8_t> of_texts = exif_of(facts.tiff ? facts.tiff->texts : std::vector<TiffText>());
  if (exif.empty()) exif = of_texts;
  chunks.add_made(MetadataChunk::kExif, exif, true_exif(exif, size, density, srgb), "Exif block");
  if (vips_image_get_typeof(picture, VIPS_META_ICC_NAME) == 0 && !facts.icc && says_adobe_rgb(exif)) {
    notes.emplace_back(
        "its Exif says Adobe RGB but there is no profile: as in browsers, its colours are taken for sRGB");
  }
  const std::span<const uint8_t> xmp = xmp_packet(picture);
  chunks.add_made(MetadataChunk::kXmp, xmp, true_xmp(xmp, size, srgb), "XMP packet");
  std::vector<uint8_t> iptc = iptc_records(blob(picture, VIPS_META_IPTC_NAME));
  if (iptc.empty()) iptc = iptc_records(blob(picture, VIPS_META_PHOTOSHOP_NAME));
  chunks.add(MetadataChunk::kIptc, std::move(iptc), "IPTC records");
  if (facts.tiff && facts.tiff->exif && blob(picture, VIPS_META_EXIF_NAME).empty()) {
    notes.emplace_back("its directory of Exif tags is dropped: from TIFF it cannot be taken along");
  }
  return chunks.take();
}

}  // namespace compass::tools::images
