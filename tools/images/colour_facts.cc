#include "colour_facts.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace compass::tools::images {
namespace {

constexpr std::array<uint8_t, 8> kPng{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

// "ftyp" after a length of four bytes: ISO media files, of which HEIF and AVIF are some.
bool is_iso_media(const uint8_t* bytes) {
  return std::memcmp(bytes + 4, "ftyp", 4) == 0;
}

// Byte order and version: 42, or 43 with offsets of 64 bits.
bool is_tiff(const uint8_t* bytes) {
  const bool little = bytes[0] == 'I' && bytes[1] == 'I' && bytes[3] == 0;
  const bool big = bytes[0] == 'M' && bytes[1] == 'M' && bytes[2] == 0;
  const uint8_t version = little ? bytes[2] : bytes[3];
  return (little || big) && (version == 42 || version == 43);
}

}  // namespace

ColourFacts read_colour_facts(VipsSource* source) {
  ColourFacts facts;
  const uint8_t* bytes = vips_source_sniff(source, kPng.size());
  if (bytes != nullptr) {
    if (std::equal(kPng.begin(), kPng.end(), bytes)) {
      read_png_facts(source, facts);
    } else if (is_iso_media(bytes)) {
      read_heif_facts(source, facts);
    } else if (is_tiff(bytes)) {
      read_tiff_facts(source, facts);
    }
  }
  vips_source_rewind(source);
  vips_error_clear();
  return facts;
}

}  // namespace compass::tools::images
