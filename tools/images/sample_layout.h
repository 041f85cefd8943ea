// The meaning of a loaded picture's samples, and their conversion to 16 bits.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "colour_facts.h"
#include "colour_profile.h"
#include "core/result.h"

namespace compass::tools::images {

struct SampleLayout {
  VipsBandFormat format = VIPS_FORMAT_UCHAR;
  VipsCoding coding = VIPS_CODING_NONE;  // or LABQ: 8-bit CIE Lab in four bytes
  int bands = 0;                         // of the picture as loaded
  ColourModel model = ColourModel::kRgb;
  int alpha = -1;              // its band, or -1
  int dropped = 0;             // bands that are neither colour nor alpha
  bool linear = false;         // samples are light, not sRGB's
  bool inverted = false;       // 0 is white, which libvips has seen to for unsigned samples only
  bool premultiplied = false;  // colours are multiplied by alpha
  uint32_t top = 65535;        // what 16-bit samples reach

  int channels() const { return channels_of(model); }
  bool is_deep() const {
    return coding == VIPS_CODING_NONE && format != VIPS_FORMAT_UCHAR && format != VIPS_FORMAT_CHAR;
  }
  bool labs() const { return model == ColourModel::kLab && format == VIPS_FORMAT_SHORT; }
};

// The layout of a picture without a coding but LABQ, whose interpretation is one of grey, RGB, CMYK and CIE
// Lab. Errors: kBadFile, without the file's name: channels of an unknown meaning, or complex numbers.
Result<SampleLayout> sample_layout(VipsImage* picture, const ColourFacts& facts);

// Reads samples of rows as numbers of 16 bits: unsigned integers are scaled so that their largest value is
// 65535, signed ones so that their smallest is 0 (as ImageMagick takes them), floats so that 1 is 65535.
class SampleReader {
 public:
  explicit SampleReader(const SampleLayout& layout) : layout_(layout) {}

  // `count` samples of a row of whole pixels, beginning with its band `first` and going on by the bands of a
  // pixel: one channel.
  void read_band(const uint8_t* row, int first, std::span<uint16_t> out, size_t out_stride);
  // CIE Lab of a row: L 0..100, a, b, in natural units; 3 a pixel.
  void read_lab(const uint8_t* row, std::span<float> out) const;

  // Float samples met so far outside 0..1 (or not numbers), which were clipped.
  uint64_t clipped() const { return clipped_; }

 private:
  uint16_t of_float(double value);

  SampleLayout layout_;
  uint64_t clipped_ = 0;
};

// What of the samples is lost, a line each: deeper ones, alpha, other channels. With `kinds` alpha of 8 bits
// and samples of 16 are kept.
std::vector<std::string> losses(const SampleLayout& layout, bool kinds);

}  // namespace compass::tools::images
