// The formats that libvips reads by itself.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "first_frame.h"
#include "picture_source.h"

namespace compass::tools::images {
namespace {

std::string only_first(uint32_t frames) {
  return fmt::format("only the first of {} pages or frames is read", frames);
}

std::vector<std::string> png_notes(const PngAnimation& animation) {
  if (animation.frames == 0) return {};
  if (!animation.first_is_still)
    return {"only its still picture is read, which is not part of its animation"};
  if (animation.frames == 1) return {};
  return {only_first(animation.frames)};
}

// libvips leaves what a GIF's first frame does not cover black if no frame has transparent pixels; browsers
// leave it transparent. `image` comes back as it should be.
Status clear_around(const Rect& frame, PictureSource& source) {
  VipsImage* const image = source.image.get();
  const int width = vips_image_get_width(image), height = vips_image_get_height(image);
  const int right = std::min(frame.x + frame.width, width), bottom = std::min(frame.y + frame.height, height);
  if (vips_image_hasalpha(image) != 0 || frame.x >= right || frame.y >= bottom ||
      (frame.x == 0 && frame.y == 0 && right == width && bottom == height)) {
    return {};
  }
  VipsImage* part = nullptr;
  VipsImage* whole = nullptr;
  if (vips_extract_area(image, &part, frame.x, frame.y, right - frame.x, bottom - frame.y, nullptr) != 0) {
    return not_a_picture(vips_reason());
  }
  const VipsImageHandle covered(part);
  if (vips_embed(part, &whole, frame.x, frame.y, width, height, "extend", VIPS_EXTEND_WHITE, nullptr) != 0) {
    return not_a_picture(vips_reason());
  }
  source.image.reset(whole);
  source.notes.emplace_back("what its first frame does not cover is white");
  return {};
}

// What is special about a format's first frame.
Status choose_first_frame(std::span<const uint8_t> bytes, Format format, PictureSource& source) {
  if (format == Format::kPng) source.notes = png_notes(png_animation(bytes));
  if (format == Format::kGif) {
    if (const std::optional<Rect> frame = gif_first_frame(bytes)) return clear_around(*frame, source);
  }
  if (format == Format::kHeif && is_heif_sequence(bytes)) {
    source.notes.emplace_back("it is a sequence of pictures: only its still one is read");
  }
  // libvips up to 8.14 shows the last frame, and does not know that there are several.
  if (format == Format::kJxl && vips_image_get_n_pages(source.image.get()) < 2 && is_jxl_animation(bytes)) {
    return not_a_picture("JPEG XL animations are not supported by the installed libvips");
  }
  return {};
}

// Reads the header only. Null if that fails; libvips' error buffer may say why.
VipsImageHandle open_header(std::span<const uint8_t> bytes, Format format) {
  if (format != Format::kHeif) {
    return VipsImageHandle(vips_image_new_from_buffer(bytes.data(), bytes.size(), "", "access",
                                                      VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR,
                                                      nullptr));
  }
  // libvips knows only some of the brands that libheif reads.
  VipsImage* image = nullptr;
  if (vips_heifload_buffer(const_cast<uint8_t*>(bytes.data()), bytes.size(), &image, "access",
                           VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR, nullptr) != 0) {
    return nullptr;
  }
  return VipsImageHandle(image);
}

}  // namespace

Result<PictureSource> open_by_vips(std::span<const uint8_t> bytes, Format format, uint64_t max_pixels) {
  if (format == Format::kTiff && is_camera_raw(bytes)) {
    return Error{ErrorCode::kBadFile, "camera raw data is not supported; develop it first"};
  }
  PictureSource source;
  source.image = open_header(bytes, format);
  if (source.image == nullptr) {
    const bool silent = *vips_error_buffer() == '\0';
    return not_a_picture(silent ? fmt::format("its {} data are damaged", name_of(format)) : vips_reason());
  }
  const Status good = check_size(vips_image_get_width(source.image.get()),
                                 vips_image_get_height(source.image.get()), max_pixels);
  if (!good) return good.error();
  if (Status chosen = choose_first_frame(bytes, format, source); !chosen) return chosen.error();
  return source;
}

}  // namespace compass::tools::images
