#include "read.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "metadata.h"
#include "picture_source.h"

namespace compass::tools::images {
namespace {

constexpr int kStripRows = 32;
constexpr int64_t kStripPixels = int64_t{4} << 20;  // of very wide pictures

// The picture that a libvips operation makes; null if it failed. `operation` takes where to put it.
template <typename Operation>
VipsImageHandle made(Operation operation) {
  VipsImage* out = nullptr;
  return VipsImageHandle(operation(&out) == 0 ? out : nullptr);
}

// Says what of the picture will be lost, judging by its header.
std::vector<std::string> losses(VipsImage* image) {
  std::vector<std::string> notes;
  const VipsBandFormat format = vips_image_get_format(image);
  if (format == VIPS_FORMAT_USHORT) {
    notes.emplace_back("16-bit samples are rounded to 8 bits");
  } else if (format != VIPS_FORMAT_UCHAR) {
    notes.push_back(
        fmt::format("{} samples are rounded to 8 bits", vips_enum_nick(VIPS_TYPE_BAND_FORMAT, format)));
  }
  if (vips_image_hasalpha(image) != 0) {
    notes.emplace_back("the alpha channel is dropped: the picture is laid over white");
  }
  if (const int pages = vips_image_get_n_pages(image); pages > 1) {
    notes.push_back(fmt::format("only the first of {} pages or frames is read", pages));
  }
  return notes;
}

// Whether an RGB profile changes no colour of a 17x17x17 cube by more than one step: most profiles found in
// files are sRGB by some name, and a needless transform would only add rounding errors.
bool profile_is_srgb(VipsImage* image) {
  constexpr int kSteps = 17;
  std::vector<uint8_t> cube;
  for (int i = 0; i < kSteps * kSteps * kSteps; ++i) {
    for (const int level : {i % kSteps, i / kSteps % kSteps, i / kSteps / kSteps}) {
      cube.push_back(static_cast<uint8_t>(std::min(255, level * 16)));
    }
  }
  const VipsImageHandle in(vips_image_new_from_memory_copy(cube.data(), cube.size(), kSteps * kSteps, kSteps,
                                                           3, VIPS_FORMAT_UCHAR));
  if (in == nullptr) return false;
  in->Type = VIPS_INTERPRETATION_sRGB;
  const void* profile = nullptr;
  size_t profile_bytes = 0;
  if (vips_image_get_blob(image, VIPS_META_ICC_NAME, &profile, &profile_bytes) != 0) return false;
  vips_image_set_blob_copy(in.get(), VIPS_META_ICC_NAME, profile, profile_bytes);
  vips_error_clear();
  const VipsImageHandle converted = made(
      [&](VipsImage** out) { return vips_icc_transform(in.get(), out, "srgb", "embedded", TRUE, nullptr); });
  // An unusable profile is replaced by a guess; only the error text tells.
  if (converted == nullptr || *vips_error_buffer() != '\0') return false;
  size_t bytes = 0;
  const std::unique_ptr<void, decltype(&g_free)> pixels(vips_image_write_to_memory(converted.get(), &bytes),
                                                        g_free);
  if (pixels == nullptr || bytes != cube.size()) return false;
  const auto* got = static_cast<const uint8_t*>(pixels.get());
  for (size_t i = 0; i < bytes; ++i) {
    if (std::abs(got[i] - cube[i]) > 1) return false;
  }
  return true;
}

// Whether the embedded profile is one for such pictures. (libvips 8.16 replaces one that is not by a guess, and
// tells nobody.)
bool profile_is_usable(VipsImage* image) {
  const void* profile = nullptr;
  size_t bytes = 0;
  return vips_image_get_blob(image, VIPS_META_ICC_NAME, &profile, &bytes) == 0 &&
         vips_icc_is_compatible_profile(image, profile, bytes) != 0;
}

// 16 bits to 8: round(v / 257). Other formats are clipped to 0..255.
VipsImageHandle to_8_bits(VipsImage* image) {
  return made([image](VipsImage** out) {
    if (vips_image_get_format(image) != VIPS_FORMAT_USHORT)
      return vips_cast(image, out, VIPS_FORMAT_UCHAR, nullptr);
    return vips_linear1(image, out, 1.0 / 257.0, 0.5, "uchar", TRUE, nullptr);  // the conversion truncates
  });
}

// Grey, RGB, CMYK or another colour space without alpha, to 8-bit sRGB or 8-bit grey. Sets the flag if the
// embedded profile changed colours.
VipsImageHandle to_srgb(VipsImage* colour, std::vector<std::string>& notes, bool& converted_by_profile) {
  const VipsInterpretation space = vips_image_guess_interpretation(colour);
  const bool cmyk = space == VIPS_INTERPRETATION_CMYK;
  const bool profile = vips_image_get_typeof(colour, VIPS_META_ICC_NAME) != 0;
  const bool usable = profile && profile_is_usable(colour);
  if (cmyk || (profile && !(usable && vips_image_get_bands(colour) == 3 && profile_is_srgb(colour)))) {
    vips_error_clear();
    VipsImageHandle converted = made([&](VipsImage** out) {
      // libvips' own CMYK profile stands in for a missing one.
      return cmyk ? vips_icc_transform(colour, out, "srgb", "embedded", TRUE, "input_profile", "cmyk",
                                       "black_point_compensation", TRUE, nullptr)
                  : vips_icc_transform(colour, out, "srgb", "embedded", TRUE, "black_point_compensation",
                                       TRUE, nullptr);
    });
    if (converted != nullptr && (!profile || (usable && *vips_error_buffer() == '\0'))) {
      converted_by_profile = profile;
      return converted;
    }
    vips_error_clear();
    notes.emplace_back("the embedded colour profile cannot be used: its colours are taken as they are");
  }
  switch (space) {
    case VIPS_INTERPRETATION_B_W:
    case VIPS_INTERPRETATION_GREY16:
    case VIPS_INTERPRETATION_sRGB:
    case VIPS_INTERPRETATION_RGB:
    case VIPS_INTERPRETATION_RGB16:
    case VIPS_INTERPRETATION_MULTIBAND:
      return to_8_bits(colour);
    default:
      break;
  }
  const VipsImageHandle srgb =
      made([&](VipsImage** out) { return vips_colourspace(colour, out, VIPS_INTERPRETATION_sRGB, nullptr); });
  return srgb == nullptr ? nullptr : to_8_bits(srgb.get());
}

// Colour and alpha apart, converted, and together again: 1 to 4 bands of 8 bits.
VipsImageHandle normalise(VipsImage* image, std::vector<std::string>& notes, bool& converted_by_profile) {
  const bool alpha = vips_image_hasalpha(image) != 0;
  if (!alpha) return to_srgb(image, notes, converted_by_profile);
  const int bands = vips_image_get_bands(image);
  const VipsImageHandle colour =
      made([&](VipsImage** out) { return vips_extract_band(image, out, 0, "n", bands - 1, nullptr); });
  const VipsImageHandle mask =
      made([&](VipsImage** out) { return vips_extract_band(image, out, bands - 1, nullptr); });
  if (colour == nullptr || mask == nullptr) return nullptr;
  const VipsImageHandle srgb = to_srgb(colour.get(), notes, converted_by_profile);
  const VipsImageHandle mask8 = to_8_bits(mask.get());
  if (srgb == nullptr || mask8 == nullptr) return nullptr;
  return made([&](VipsImage** out) { return vips_bandjoin2(srgb.get(), mask8.get(), out, nullptr); });
}

// One row of 1 to 4 bytes per pixel (grey, grey + alpha, RGB, RGBA) as RGB, laid over white.
void to_rgb(const uint8_t* row, int bands, std::span<uint8_t> rgb) {
  const bool alpha = bands == 2 || bands == 4;
  const size_t width = rgb.size() / 3;
  for (int c = 0; c < 3; ++c) {
    const uint8_t* in = row + (bands >= 3 ? c : 0);
    uint8_t* out = rgb.data() + c;
    for (size_t x = 0; x < width; ++x, in += bands, out += 3) {
      *out = *in;
      if (!alpha) continue;
      const int opacity = row[x * bands + bands - 1];
      *out = static_cast<uint8_t>((*in * opacity + 255 * (255 - opacity) + 127) / 255);  // to the nearest
    }
  }
}

Result<PictureSource> open_picture(std::span<const uint8_t> bytes, uint64_t max_pixels) {
  const Result<Format> format = format_of(bytes);
  if (!format) return format.error();
  Result<PictureSource> source = [&] {
    switch (*format) {
      case Format::kJpeg:
        return open_jpeg(bytes, max_pixels);
      case Format::kJp2:
        return open_jp2(bytes, max_pixels);
      case Format::kPnm:
        return open_pnm(bytes, max_pixels);
      default:
        return open_by_vips(bytes, *format, max_pixels);
    }
  }();
  if (source && source->image == nullptr) return not_a_picture(vips_reason());
  return source;
}

Error refused(const std::string& note) {
  return {ErrorCode::kBadFile, fmt::format("refused by --strict: {}; convert it first", note)};
}

Error damaged(int row, const std::string& reason) {
  return {ErrorCode::kBadFile, fmt::format("damaged near row {}{}; get a whole copy of the picture", row,
                                           reason.empty() || reason == "''" ? "" : ": " + reason)};
}

// Sends all rows of `pixels`, of 1 to 4 bands of 8 bits.
Status send_rows(VipsImage* pixels, const RowReader* rows, PhotoSender& sender) {
  const int width = vips_image_get_width(pixels);
  const int height = vips_image_get_height(pixels);
  const int bands = vips_image_get_bands(pixels);
  const int strip_rows = static_cast<int>(std::clamp<int64_t>(kStripPixels / width, 1, kStripRows));
  const size_t row_bytes = static_cast<size_t>(width) * 3;
  std::vector<uint8_t> rgb(row_bytes * strip_rows);
  const Handle<VipsRegion> region(vips_region_new(pixels));
  for (int top = 0; top < height; top += strip_rows) {
    const VipsRect strip{0, top, width, std::min(strip_rows, height - top)};
    if (vips_region_prepare(region.get(), &strip) != 0) {
      if (rows == nullptr || !rows->failure()) return damaged(top, vips_reason());
      if (rows->failure()->error.code != ErrorCode::kBadFile) return rows->failure()->error;
      return damaged(rows->failure()->row, rows->failure()->error.message);
    }
    for (int y = 0; y < strip.height; ++y) {
      to_rgb(VIPS_REGION_ADDR(region.get(), 0, top + y), bands,
             std::span(rgb).subspan(y * row_bytes, row_bytes));
    }
    if (!sender.rows(std::span(rgb).first(row_bytes * strip.height))) {
      return Error{ErrorCode::kIo, "nobody reads the picture"};
    }
  }
  return {};
}

}  // namespace

Status read_picture(std::span<const uint8_t> bytes, const ReadSettings& settings, PhotoSender& sender) {
  const Result<PictureSource> source = open_picture(bytes, settings.max_pixels);
  if (!source) return source.error();
  VipsImage* const stored = source->image.get();
  if (vips_image_get_bands(stored) > 5) {
    return not_a_picture(fmt::format("it has {} channels", vips_image_get_bands(stored)));
  }
  std::vector<std::string> notes = losses(stored);
  notes.insert(notes.end(), source->notes.begin(), source->notes.end());
  if (settings.strict && !notes.empty()) return refused(notes.front());
  bool converted = false;
  const VipsImageHandle pixels = normalise(stored, notes, converted);
  if (pixels == nullptr) return not_a_picture(vips_reason());
  const std::vector<MetadataChunk> metadata = metadata_of(stored, converted, notes);
  const int bands = vips_image_get_bands(pixels.get());
  if (bands > 4) return not_a_picture(fmt::format("it has {} channels", bands));

  sender.header({vips_image_get_width(stored), vips_image_get_height(stored)},
                std::clamp(vips_image_get_orientation(stored), 1, 8));
  for (const MetadataChunk& chunk : metadata) sender.metadata(chunk);
  if (Status sent = send_rows(pixels.get(), source->rows.get(), sender); !sent) return sent;
  if (source->rows != nullptr) {
    const Result<std::vector<std::string>> late = source->rows->finish();
    if (!late && late.error().code != ErrorCode::kBadFile) return late.error();
    if (!late) {
      return Error{ErrorCode::kBadFile,
                   fmt::format("damaged: {}; get a whole copy of the picture", late.error().message)};
    }
    if (settings.strict && !late->empty()) return refused(late->front());
    notes.insert(notes.end(), late->begin(), late->end());
  }
  for (const std::string& note : notes) sender.note(note);
  sender.finish();
  return {};
}

}  // namespace compass::tools::images
