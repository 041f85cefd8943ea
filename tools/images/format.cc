#include "format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace compass::tools::images {
namespace {

using Bytes = std::span<const uint8_t>;
using namespace std::string_view_literals;

bool has(Bytes bytes, size_t at, std::string_view text) {
  return bytes.size() >= at && bytes.size() - at >= text.size() &&
         std::equal(text.begin(), text.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

template <typename Meaning>
struct Signature {
  size_t at;
  std::string_view text;
  Meaning meaning;
};

template <typename Meaning, size_t count>
std::optional<Meaning> find(Bytes bytes, const std::array<Signature<Meaning>, count>& signatures) {
  for (const Signature<Meaning>& signature : signatures) {
    if (has(bytes, signature.at, signature.text)) return signature.meaning;
  }
  return std::nullopt;
}

constexpr std::array<Signature<Format>, 11> kRead = {{
    {0, "\xff\xd8\xff"sv, Format::kJpeg},
    {0, "\x89PNG\r\n\x1a\n"sv, Format::kPng},
    {0, "GIF87a"sv, Format::kGif},
    {0, "GIF89a"sv, Format::kGif},
    {0, "\xff\x0a"sv, Format::kJxl},  // the bare codestream
    {0, "\0\0\0\x0cJXL \r\n\x87\n"sv, Format::kJxl},
    {0, "\xff\x4f\xff\x51"sv, Format::kJp2},  // the bare codestream
    {0, "\0\0\0\x0cjP  \r\n\x87\n"sv, Format::kJp2},
    {0, "II+\0"sv, Format::kTiff},  // with 64-bit offsets
    {0, "MM\0+"sv, Format::kTiff},
    {0, "MM\0*"sv, Format::kTiff},
}};

constexpr std::array<Signature<std::string_view>, 34> kNotRead = {{
    {0, "%PDF"sv, "PDF"},
    {0, "%!PS"sv, "PostScript"},
    {0, "8BPS"sv, "PSD (Photoshop)"},
    {0, "gimp xcf"sv, "XCF (GIMP)"},
    {0, "\0\0\1\0"sv, "ICO"},
    {0, "\0\0\2\0"sv, "CUR"},
    {0, "\x76\x2f\x31\x01"sv, "OpenEXR"},
    {0, "#?RADIANCE"sv, "Radiance HDR"},
    {0, "#?RGBE"sv, "Radiance HDR"},
    {0, "DDS "sv, "DDS"},
    {0, "qoif"sv, "QOI"},
    {0, "farbfeld"sv, "farbfeld"},
    {0, "SIMPLE  ="sv, "FITS"},
    {0, "\x97JB2"sv, "JBIG2"},
    {0, "II\xbc"sv, "JPEG XR"},
    {0, "BPG\xfb"sv, "BPG"},
    {0, "FLIF"sv, "FLIF"},
    {0, "SDPX"sv, "DPX"},
    {0, "XPDS"sv, "DPX"},
    {0, "/* XPM"sv, "XPM"},
    {0, "AT&TFORM"sv, "DjVu"},
    {0, "FORM"sv, "ILBM"},
    {0, "FUJIFILMCCD-RAW"sv, "RAF (camera raw)"},
    {0, "IIRO"sv, "ORF (camera raw)"},
    {0, "IIRS"sv, "ORF (camera raw)"},
    {0, "MMOR"sv, "ORF (camera raw)"},
    {0, "IIU\0"sv, "RW2 (camera raw)"},
    {0, "FOVb"sv, "X3F (camera raw)"},
    {0, "\0MRM"sv, "MRW (camera raw)"},
    {6, "HEAPCCDR"sv, "CRW (camera raw)"},
    {0, "\x1f\x8b"sv, "gzip"},
    {0, "PK\3\4"sv, "ZIP"},
    {0, "\x1a\x45\xdf\xa3"sv, "Matroska or WebM video"},
    {0, "CMPS"sv, ".cmps (decode it first)"},
}};

// ISO/IEC 14496-12: the brand of a file that begins with an ftyp box says who can read it.
constexpr std::array<std::string_view, 15> kHeifBrands = {"heic", "heix", "heim", "heis", "hevc",
                                                          "hevx", "hevm", "hevs", "mif1", "mif2",
                                                          "msf1", "miaf", "avif", "avis", "jpeg"};

bool is_heif_brand(Bytes bytes, size_t at) {
  return std::any_of(kHeifBrands.begin(), kHeifBrands.end(),
                     [&](std::string_view brand) { return has(bytes, at, brand); });
}

Error not_supported(std::string_view name) {
  return {ErrorCode::kBadFile,
          fmt::format("{} is not supported; convert it to PNG, JPEG, WebP, TIFF or PNM first", name)};
}

Result<Format> iso_media(Bytes bytes) {
  if (is_heif_brand(bytes, 8)) return Format::kHeif;
  if (has(bytes, 8, "crx ")) return not_supported("CR3 (camera raw)");
  const size_t box = bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
  for (size_t at = 16; at + 4 <= std::min(box, bytes.size()); at += 4) {  // compatible brands
    if (is_heif_brand(bytes, at)) return Format::kHeif;
  }
  return not_supported("video (MP4, QuickTime)");
}

// XML and HTML may begin with anything white, and hold an <svg> after comments.
std::optional<std::string_view> markup(Bytes bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || text[begin] != '<') return std::nullopt;
  if (text.find("<html") != std::string_view::npos || text.find("<HTML") != std::string_view::npos) {
    return "HTML";
  }
  return text.find("<svg") != std::string_view::npos ? "SVG" : "XML";
}

// "P1" to "P7" (Netpbm), "PF" and "Pf" (PFM), white space behind all of them.
bool is_pnm(Bytes bytes) {
  if (bytes.size() < 3 || bytes[0] != 'P') return false;
  const bool kind = (bytes[1] >= '1' && bytes[1] <= '7') || bytes[1] == 'F' || bytes[1] == 'f';
  return kind && (bytes[2] == ' ' || (bytes[2] >= '\t' && bytes[2] <= '\r') || bytes[2] == '#');
}

// Numbers of a TIFF file in its byte order; 0 beyond its end.
class TiffNumbers {
 public:
  explicit TiffNumbers(Bytes bytes) : bytes_(bytes) {}
  uint32_t at(size_t position, size_t count) const {
    if (position > bytes_.size() || bytes_.size() - position < count) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) {
      value = value << 8 | bytes_[position + (bytes_[0] == 'I' ? count - 1 - i : i)];
    }
    return value;
  }

 private:
  Bytes bytes_;
};

}  // namespace

std::string_view name_of(Format format) {
  constexpr std::array<std::string_view, 9> kNames = {"JPEG", "PNG",     "WebP",      "TIFF", "GIF",
                                                      "HEIF", "JPEG XL", "JPEG 2000", "PNM"};
  return kNames.at(static_cast<size_t>(format));
}

Result<Format> format_of(Bytes beginning) {
  if (const std::optional<Format> format = find(beginning, kRead)) return *format;
  if (has(beginning, 0, "RIFF") && has(beginning, 8, "WEBP")) return Format::kWebp;
  if (has(beginning, 0, "II*\0"sv)) {
    if (has(beginning, 8, "CR\2")) return not_supported("CR2 (camera raw)");
    return Format::kTiff;
  }
  if (has(beginning, 4, "ftyp") && beginning.size() >= 12) return iso_media(beginning);
  if (is_pnm(beginning)) return Format::kPnm;
  if (const auto name = find(beginning, kNotRead)) return not_supported(*name);
  if (const auto name = markup(beginning)) return not_supported(*name);
  // Two letters are little evidence: reserved fields that are zero say more.
  if (has(beginning, 0, "BM") && has(beginning, 6, "\0\0\0\0"sv)) return not_supported("BMP");
  return Error{ErrorCode::kBadFile,
               "cannot be read as a picture: it begins like no known format; give a PNG, JPEG, WebP, TIFF or "
               "PNM file"};
}

bool is_camera_raw(Bytes tiff) {
  const TiffNumbers numbers(tiff);
  if (numbers.at(2, 2) != 42) return false;
  constexpr uint32_t kSubfileType = 254, kPhotometric = 262, kSubDirectories = 330, kDngVersion = 50706;
  constexpr uint32_t kFilterArray = 32803, kLinearRaw = 34892, kShort = 3;
  bool reduced = false, more = false;
  const size_t directory = numbers.at(4, 4);
  const size_t entries = numbers.at(directory, 2);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + 12 * i;
    const uint32_t tag = numbers.at(entry, 2);
    const uint32_t value = numbers.at(entry + 8, numbers.at(entry + 2, 2) == kShort ? 2 : 4);
    if (tag == kDngVersion) return true;
    if (tag == kPhotometric && (value == kFilterArray || value == kLinearRaw)) return true;
    reduced = reduced || (tag == kSubfileType && (value & 1) != 0);
    more = more || tag == kSubDirectories;
  }
  return reduced && more;  // a thumbnail in front, the raw data in a directory below: NEF, ARW, PEF
}

}  // namespace compass::tools::images
