// Any picture libvips loads, as rows of sRGB, of 8 or 16 bits.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "colour_facts.h"
#include "colour_profile.h"
#include "common/photo.h"
#include "core/result.h"
#include "sample_layout.h"
#include "vips_handle.h"

namespace compass::tools::images {

// Converts the rows of one picture. What a file says of its colours counts in this order: PNG's cICP, an ICC
// profile, HEIF's nclx, PNG's sRGB, gAMA and cHRM; what says nothing is sRGB. CMYK without a profile is taken
// to be libvips' own.
class ColourConverter {
 public:
  // `stored` is the picture as its loader gives it. Errors: kBadFile, without the file's name: channels of an
  // unknown meaning, HDR, or what libvips says.
  // What of the picture `settings` keep is no loss.
  static Result<ColourConverter> of(VipsImage* stored, const ColourFacts& facts,
                                    const ReadSettings& settings);

  // Where rows come from: `stored`, or what libvips makes of it.
  VipsImage* pixels() const { return pixels_.get(); }
  // Of converted rows: 1 (grey), 2 (grey and alpha), 3 (RGB) or 4 (RGB and alpha).
  int bands() const { return channels_out() + (layout_.alpha >= 0 ? 1 : 0); }
  bool has_alpha() const { return layout_.alpha >= 0; }
  bool is_grey() const { return layout_.model == ColourModel::kGrey; }
  // Whether stored samples have more than 8 bits.
  bool is_deep() const { return layout_.is_deep(); }
  // `row`: a row of `pixels`, `width` pixels long; `out`: bands() samples a pixel, of 8 or 16 bits.
  void convert_row(const uint8_t* row, int width, uint8_t* out);
  void convert_row(const uint8_t* row, int width, uint16_t* out) { convert_deep(row, width, out); }

  // The embedded profile if it changed colours; or the profile of colours that were kept; else empty.
  std::span<const uint8_t> applied_profile() const { return applied_profile_; }
  bool keeps_colours() const { return keeps_colours_; }
  // What is lost or not honoured, a line each, known before any row is read,
  const std::vector<std::string>& notes() const { return notes_; }
  // and what turned up in the rows.
  std::vector<std::string> notes_of_rows() const;

 private:
  ColourConverter(Handle<VipsImage> pixels, SampleLayout layout)
      : pixels_(std::move(pixels)), layout_(layout), reader_(layout) {}

  Status choose_transform(const ColourFacts& facts);
  // The stated gamma; nothing, and a note, if it is none that readers take.
  std::optional<double> sensible_gamma(const ColourFacts& facts);
  Status use_embedded_profile(const ColourFacts& facts, bool& used);
  Status use_code_points(const CodePoints& points, bool& used);
  bool use(const Profile& profile);
  bool use_and_keep(const Profile& profile);
  void keep(const Profile& profile, std::span<const uint8_t> icc);
  bool use_fallback();
  int channels_out() const { return layout_.model == ColourModel::kGrey ? 1 : 3; }
  // Bits per sample of what the transform takes.
  int bits() const { return layout_.format == VIPS_FORMAT_UCHAR && !layout_.premultiplied ? 8 : 16; }
  void convert_bytes(const uint8_t* row, int width, uint8_t* out);
  template <typename Sample>
  void convert_deep(const uint8_t* row, int width, Sample* out);
  void divide_by_alpha(const uint8_t* row, size_t pixels);

  Handle<VipsImage> pixels_;
  SampleLayout layout_;
  SampleReader reader_;
  Transform transform_;  // null: samples are sRGB's
  std::vector<uint8_t> applied_profile_;
  bool keep_profile_ = false;
  bool keeps_colours_ = false;
  std::vector<std::string> notes_;
  std::vector<uint8_t> bytes_;     // a row of colours without alpha
  std::vector<uint16_t> samples_;  // the same, deeper; and what the transform makes of it
  std::vector<uint16_t> converted_;
  std::vector<uint16_t> alpha_;
  std::vector<float> lab_;
};

}  // namespace compass::tools::images
