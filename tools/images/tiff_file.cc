#include "tiff_file.h"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <vector>

#include "colour_facts.h"

namespace compass::tools::images {
namespace {

VipsSource* source_of(thandle_t user) {
  return static_cast<VipsSource*>(user);
}

tmsize_t read(thandle_t user, void* out, tmsize_t bytes) {
  tmsize_t done = 0;
  while (done < bytes) {
    const gint64 got = vips_source_read(source_of(user), static_cast<uint8_t*>(out) + done,
                                        static_cast<size_t>(bytes - done));
    if (got <= 0) break;
    done += got;
  }
  return done;
}

tmsize_t write(thandle_t /*user*/, void* /*data*/, tmsize_t /*bytes*/) {
  return -1;
}

toff_t seek(thandle_t user, toff_t to, int whence) {
  return static_cast<toff_t>(vips_source_seek(source_of(user), static_cast<gint64>(to), whence));
}

int close(thandle_t /*user*/) {
  return 0;
}

toff_t size(thandle_t user) {
  return static_cast<toff_t>(std::max<gint64>(0, vips_source_length(source_of(user))));
}

int map(thandle_t /*user*/, void** /*base*/, toff_t* /*bytes*/) {
  return 0;
}

void unmap(thandle_t /*user*/, void* /*base*/, toff_t /*bytes*/) {}

// 1: nobody else need hear of it.
int on_error(TIFF* /*file*/, void* /*user*/, const char* /*module*/, const char* format, va_list values) {
  std::array<char, 300> text{};
  std::vsnprintf(text.data(), text.size(), format, values);
  vips_error("tiff", "%s", text.data());
  return 1;
}

int on_warning(TIFF* /*file*/, void* /*user*/, const char* /*module*/, const char* /*format*/,
               va_list /*values*/) {
  return 1;
}

struct FreeOptions {
  void operator()(TIFFOpenOptions* options) const { TIFFOpenOptionsFree(options); }
};

uint16_t short_tag(TIFF* file, uint32_t tag) {
  uint16_t value = 0;
  return TIFFGetFieldDefaulted(file, tag, &value) == 1 ? value : 0;
}

bool has_tag(TIFF* file, uint32_t tag) {
  void* first = nullptr;
  void* second = nullptr;
  void* third = nullptr;
  return TIFFGetField(file, tag, &first, &second, &third) == 1;
}

// A tag of any number of values.
void attach_blob(TIFF* file, uint32_t tag, const char* name, VipsImage* picture) {
  uint32_t count = 0;
  void* data = nullptr;
  const TIFFField* const field = TIFFFieldWithTag(file, tag);
  if (field == nullptr || TIFFGetField(file, tag, &count, &data) != 1 || data == nullptr) return;
  const auto width = static_cast<size_t>(TIFFDataWidth(TIFFFieldDataType(field)));
  vips_image_set_blob_copy(picture, name, data, size_t{count} * width);
}

void attach_tags(TIFF* file, VipsImage* picture) {
  attach_blob(file, TIFFTAG_ICCPROFILE, VIPS_META_ICC_NAME, picture);
  attach_blob(file, TIFFTAG_XMLPACKET, VIPS_META_XMP_NAME, picture);
  attach_blob(file, TIFFTAG_RICHTIFFIPTC, VIPS_META_IPTC_NAME, picture);
  attach_blob(file, TIFFTAG_PHOTOSHOP, VIPS_META_PHOTOSHOP_NAME, picture);
  if (const int orientation = short_tag(file, TIFFTAG_ORIENTATION); orientation >= 1 && orientation <= 8) {
    vips_image_set_int(picture, VIPS_META_ORIENTATION, orientation);
  }
}

// libtiff gives pixels as words that hold red in their lowest byte.
void unpack(const std::vector<uint32_t>& pixels, VipsImage* picture) {
  const auto width = static_cast<size_t>(vips_image_get_width(picture));
  for (int y = 0; y < vips_image_get_height(picture); ++y) {
    uint8_t* out = VIPS_IMAGE_ADDR(picture, 0, y);
    for (size_t x = 0; x < width; ++x, out += 3) {
      const uint32_t pixel = pixels[static_cast<size_t>(y) * width + x];
      out[0] = TIFFGetR(pixel);
      out[1] = TIFFGetG(pixel);
      out[2] = TIFFGetB(pixel);
    }
  }
}

}  // namespace

TiffFile open_tiff(VipsSource* source) {
  if (vips_source_rewind(source) != 0) return nullptr;
  const std::unique_ptr<TIFFOpenOptions, FreeOptions> options(TIFFOpenOptionsAlloc());
  if (options == nullptr) return nullptr;
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, nullptr);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, nullptr);
  return TiffFile(
      TIFFClientOpenExt("picture", "rm", source, read, write, seek, close, size, map, unmap, options.get()));
}

void read_tiff_facts(VipsSource* source, ColourFacts& facts) {
  const TiffFile file = open_tiff(source);
  if (file == nullptr) return;
  TiffFacts tiff;
  uint32_t width = 0;
  uint32_t height = 0;
  TIFFGetField(file.get(), TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(file.get(), TIFFTAG_IMAGELENGTH, &height);
  constexpr uint32_t kMaxSide = 1U << 30;
  tiff.size = {static_cast<int>(std::min(width, kMaxSide)), static_cast<int>(std::min(height, kMaxSide))};
  tiff.photometric = short_tag(file.get(), TIFFTAG_PHOTOMETRIC);
  tiff.compression = short_tag(file.get(), TIFFTAG_COMPRESSION);
  tiff.bits = short_tag(file.get(), TIFFTAG_BITSPERSAMPLE);
  tiff.samples = short_tag(file.get(), TIFFTAG_SAMPLESPERPIXEL);
  uint16_t count = 0;
  uint16_t* meanings = nullptr;
  if (TIFFGetFieldDefaulted(file.get(), TIFFTAG_EXTRASAMPLES, &count, &meanings) == 1 && count > 0) {
    tiff.extra.assign(meanings, meanings + count);
  }
  constexpr size_t kMaxText = 65535;
  for (const uint32_t tag : {TIFFTAG_IMAGEDESCRIPTION, TIFFTAG_MAKE, TIFFTAG_MODEL, TIFFTAG_SOFTWARE,
                             TIFFTAG_DATETIME, TIFFTAG_ARTIST, TIFFTAG_COPYRIGHT}) {
    const char* text = nullptr;
    if (TIFFGetField(file.get(), tag, &text) == 1 && text != nullptr && *text != '\0')
      tiff.texts.push_back({tag, std::string(text, strnlen(text, kMaxText))});
  }
  uint64_t directory = 0;
  tiff.exif = TIFFGetField(file.get(), TIFFTAG_EXIFIFD, &directory) == 1;
  tiff.transfer_curves = has_tag(file.get(), TIFFTAG_TRANSFERFUNCTION);
  facts.tiff = std::move(tiff);
}

Handle<VipsImage> read_ycbcr_tiff(VipsSource* source) {
  const TiffFile file = open_tiff(source);
  if (file == nullptr) return nullptr;
  std::array<char, 1024> reason{};  // libtiff's own size of it
  TIFFRGBAImage reader{};
  if (TIFFRGBAImageBegin(&reader, file.get(), 1, reason.data()) != 1) {
    vips_error("tiff", "%s", reason.data());
    return nullptr;
  }
  const std::unique_ptr<TIFFRGBAImage, decltype(&TIFFRGBAImageEnd)> end(&reader, TIFFRGBAImageEnd);
  reader.req_orientation = reader.orientation;  // as stored: turning comes later
  std::vector<uint32_t> pixels(size_t{reader.width} * reader.height);
  if (TIFFRGBAImageGet(&reader, pixels.data(), reader.width, reader.height) != 1) return nullptr;
  Handle<VipsImage> picture(vips_image_new_memory());
  vips_image_init_fields(picture.get(), static_cast<int>(reader.width), static_cast<int>(reader.height), 3,
                         VIPS_FORMAT_UCHAR, VIPS_CODING_NONE, VIPS_INTERPRETATION_sRGB, 1, 1);
  if (vips_image_write_prepare(picture.get()) != 0) return nullptr;
  unpack(pixels, picture.get());
  attach_tags(file.get(), picture.get());
  return picture;
}

}  // namespace compass::tools::images
