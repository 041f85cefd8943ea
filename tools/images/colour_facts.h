// Facts about a picture file's colours and samples that libvips does not pass on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/size.h"
#include "vips_handle.h"

namespace compass::tools::images {

// Code points of ITU-T H.273: colour primaries and transfer characteristics. 2: unspecified.
struct CodePoints {
  int primaries = 2;
  int transfer = 2;
};

// CIE 1931 xy.
struct Chromaticity {
  double x = 0;
  double y = 0;
};

struct Primaries {
  Chromaticity red;
  Chromaticity green;
  Chromaticity blue;
  Chromaticity white;
};

// Pixels per metre, both above 0.
struct Density {
  double x = 0;
  double y = 0;
};

// A tag with text: who took the photo, with what, when.
struct TiffText {
  uint32_t tag = 0;
  std::string text;
};

// Tags of a TIFF file's first picture; names and values as in tiff.h.
struct TiffFacts {
  Size size;
  int photometric = 0;
  int compression = 0;
  int bits = 0;
  int samples = 0;               // per pixel
  std::vector<int> extra;        // what the last of them mean
  std::vector<TiffText> texts;   // about the photo, in order of tags
  bool exif = false;             // there is a directory of Exif tags
  bool transfer_curves = false;  // there are curves, or primaries, of its own
};

struct ColourFacts {
  // PNG's cICP, HEIF's and AVIF's nclx.
  std::optional<CodePoints> code_points;
  bool code_points_first = false;  // they win over an ICC profile (PNG)
  bool srgb = false;               // PNG's sRGB
  // PNG's iCCP, which libvips drops, without a word, if it is unusual. Empty if it cannot be unpacked.
  std::optional<std::vector<uint8_t>> icc;
  std::optional<double> gamma;         // PNG's gAMA: samples are light to the power of this
  std::optional<Primaries> primaries;  // PNG's cHRM
  std::optional<Density> density;      // PNG's pHYs
  std::optional<TiffFacts> tiff;
  bool premultiplied = false;      // HEIF and AVIF: colours are multiplied by alpha
  std::vector<std::string> notes;  // what cannot be honoured, a line each
};

// Reads them from the file's first bytes, or wherever its format has them, and leaves the source at its
// beginning. A file that is damaged, or of another format, gives what could be read: whether it is a picture
// is for its loader to say. `source` must not have been decoded from yet.
ColourFacts read_colour_facts(VipsSource* source);

// The parts of it, for sources that begin as such files do.
void read_png_facts(VipsSource* source, ColourFacts& facts);
void read_heif_facts(VipsSource* source, ColourFacts& facts);
void read_tiff_facts(VipsSource* source, ColourFacts& facts);

}  // namespace compass::tools::images
