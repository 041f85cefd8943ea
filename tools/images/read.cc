// Reading pictures: any picture libvips loads becomes upright 8-bit sRGB, row by row.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "functions.h"
#include "metadata.h"
#include "silence.h"
#include "vips_handle.h"

namespace compass::tools::images {
namespace {

using VipsImageHandle = Handle<VipsImage>;

// Loaders libvips marks as unhardened are off (they include ImageMagick, PDF and SVG, which can read other
// files), except these picture formats.
constexpr const char* kExtraLoaders[] = {"VipsForeignLoadPpm", "VipsForeignLoadRad", "VipsForeignLoadJp2k",
                                         "VipsForeignLoadJxl"};

constexpr int kStripRows = 32;

std::string shown(const std::string& path) {
  return path == "-" ? "standard input" : path;
}

Error not_a_picture(const std::string& path, const std::string& reason) {
  return {ErrorCode::kBadFile,
          fmt::format("{}: cannot be read as a picture: {}; give a PNG, JPEG, WebP, TIFF or PNM file",
                      shown(path), reason)};
}

// The picture that a libvips operation makes; null if it failed. `operation` takes where to put it.
template <typename Operation>
VipsImageHandle made(Operation operation) {
  VipsImage* out = nullptr;
  return VipsImageHandle(operation(&out) == 0 ? out : nullptr);
}

Result<Handle<VipsSource>> open_source(const std::string& path) {
  if (path == "-") return Handle<VipsSource>(vips_source_new_from_descriptor(STDIN_FILENO));
  struct stat info {};
  if (stat(path.c_str(), &info) != 0 || access(path.c_str(), R_OK) != 0) {
    return Error{ErrorCode::kIo, fmt::format("{}: cannot read: {}; check the name and its permissions", path,
                                             std::strerror(errno))};
  }
  if (S_ISDIR(info.st_mode)) {
    return Error{ErrorCode::kIo, fmt::format("{}: is a directory; name a picture file", path)};
  }
  Handle<VipsSource> source(vips_source_new_from_file(path.c_str()));
  if (source == nullptr)
    return Error{ErrorCode::kIo, fmt::format("{}: cannot read: {}", path, vips_reason())};
  return source;
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

// Where samples go: index of (x, y) of the stored picture within a plane of the upright one.
class Upright {
 public:
  // `orientation`: Exif 2.3, tag 274: 1..8.
  Upright(Size stored, int orientation) : stored_(stored), orientation_(orientation) {}

  Size size() const { return orientation_ >= 5 ? Size{stored_.height, stored_.width} : stored_; }

  int64_t index(int x, int y) const {
    const int right = stored_.width - 1 - x;
    const int below = stored_.height - 1 - y;
    switch (orientation_) {
      case 2:
        return at(right, y);  // mirrored left to right
      case 3:
        return at(right, below);  // half a turn
      case 4:
        return at(x, below);  // upside down, mirrored
      case 5:
        return at(y, x);  // transposed
      case 6:
        return at(below, x);  // stored a quarter turn anticlockwise
      case 7:
        return at(below, right);  // transposed about the other diagonal
      case 8:
        return at(y, right);  // stored a quarter turn clockwise
      default:
        return at(x, y);
    }
  }

 private:
  int64_t at(int x, int y) const { return static_cast<int64_t>(y) * size().width + x; }

  Size stored_;
  int orientation_;
};

// One stored row of 1 to 4 bytes per pixel (grey, grey + alpha, RGB, RGBA) into the upright picture.
void place_row(const uint8_t* row, int bands, Size stored, int y, const Upright& upright, Rgb8Image& image) {
  const bool alpha = bands == 2 || bands == 4;
  const int64_t start = upright.index(0, y);
  const int64_t step = stored.width > 1 ? upright.index(1, y) - start : 0;
  for (int c = 0; c < 3; ++c) {
    const uint8_t* in = row + (bands >= 3 ? c : 0);
    uint8_t* out = image.bytes.data() + 3 * start + c;
    for (int x = 0; x < stored.width; ++x, in += bands, out += 3 * step) {
      *out = *in;
      if (!alpha) continue;
      const int opacity = row[x * bands + bands - 1];
      *out = static_cast<uint8_t>((*in * opacity + 255 * (255 - opacity) + 127) / 255);  // to the nearest
    }
  }
}

}  // namespace

Status start() {
  silence_glib();
  if (vips_init("compass") != 0) {
    return Error{ErrorCode::kFailure, fmt::format("libvips does not start: {}", vips_reason())};
  }
  vips_cache_set_max(0);  // every operation is used once
  vips_block_untrusted_set(TRUE);
  for (const char* loader : kExtraLoaders) vips_operation_block_set(loader, FALSE);
  return {};
}

Result<Photo> read_image(const std::string& path, const ReadSettings& settings) {
  Result<Handle<VipsSource>> source = open_source(path);
  if (!source) return source.error();
  // Reads the header only.
  const VipsImageHandle stored(vips_image_new_from_source(source->get(), "", "access", VIPS_ACCESS_SEQUENTIAL,
                                                          "fail_on", VIPS_FAIL_ON_ERROR, nullptr));
  if (stored == nullptr) return not_a_picture(path, vips_reason());
  const Size size{vips_image_get_width(stored.get()), vips_image_get_height(stored.get())};
  if (static_cast<uint64_t>(size.pixels()) > settings.max_pixels) {
    return Error{ErrorCode::kBadFile,
                 fmt::format("{}: {}x{} is more than {} pixels; raise --max-pixels to read it", shown(path),
                             size.width, size.height, settings.max_pixels)};
  }
  if (vips_image_get_bands(stored.get()) > 5) {
    return not_a_picture(path, fmt::format("it has {} channels", vips_image_get_bands(stored.get())));
  }
  Photo photo;
  photo.notes = losses(stored.get());
  if (settings.strict && !photo.notes.empty()) {
    return Error{ErrorCode::kBadFile, fmt::format("{}: refused by --strict: {}; convert it first",
                                                  shown(path), photo.notes.front())};
  }
  bool converted = false;
  const VipsImageHandle pixels = normalise(stored.get(), photo.notes, converted);
  if (pixels == nullptr) return not_a_picture(path, vips_reason());
  photo.metadata = metadata_of(stored.get(), converted, photo.notes);
  const int bands = vips_image_get_bands(pixels.get());
  if (bands > 4) return not_a_picture(path, fmt::format("it has {} channels", bands));

  const Upright upright(size, vips_image_get_orientation(stored.get()));
  photo.image = Rgb8Image(upright.size());
  const Handle<VipsRegion> region(vips_region_new(pixels.get()));
  for (int top = 0; top < size.height; top += kStripRows) {
    const VipsRect strip{0, top, size.width, std::min(kStripRows, size.height - top)};
    if (vips_region_prepare(region.get(), &strip) != 0) {
      return Error{ErrorCode::kBadFile,
                   fmt::format("{}: damaged near row {}: {}; get a whole copy of the picture", shown(path),
                               top, vips_reason())};
    }
    for (int y = top; y < top + strip.height; ++y) {
      place_row(VIPS_REGION_ADDR(region.get(), 0, y), bands, size, y, upright, photo.image);
    }
  }
  return photo;
}

}  // namespace compass::tools::images
