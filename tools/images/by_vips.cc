// The formats that libvips reads by itself.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "picture_source.h"

namespace compass::tools::images {
namespace {

uint32_t number(std::span<const uint8_t> bytes, size_t at) {
  return static_cast<uint32_t>(bytes[at]) << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
}

// PNG's animations (APNG), which libvips knows nothing of. PNG 3rd edition, 11.3.6: acTL, with the number of
// frames, comes before the first IDAT; so does an fcTL if the still picture is the first frame.
std::vector<std::string> animation_notes(std::span<const uint8_t> png) {
  constexpr size_t kSignature = 8, kAroundData = 12;  // length, type and checksum
  uint32_t frames = 0;
  bool first_is_still = false;
  for (size_t at = kSignature; at + kAroundData <= png.size();) {
    const std::string_view type(reinterpret_cast<const char*>(png.data()) + at + 4, 4);
    const size_t length = number(png, at);
    if (type == "IDAT" || length > png.size() - at - kAroundData) break;
    if (type == "acTL" && length >= 4) frames = number(png, at + 8);
    if (type == "fcTL") first_is_still = true;
    at += length + kAroundData;
  }
  if (frames == 0) return {};
  if (!first_is_still) return {"only its still picture is read, which is not part of its animation"};
  if (frames == 1) return {};
  return {fmt::format("only the first of {} pages or frames is read", frames)};
}

}  // namespace

Result<PictureSource> open_by_vips(std::span<const uint8_t> bytes, Format format, uint64_t max_pixels) {
  if (format == Format::kTiff && is_camera_raw(bytes)) {
    return Error{ErrorCode::kBadFile, "camera raw data is not supported; develop it first"};
  }
  PictureSource source;
  // Reads the header only.
  source.image = VipsImageHandle(vips_image_new_from_buffer(bytes.data(), bytes.size(), "", "access",
                                                            VIPS_ACCESS_SEQUENTIAL, "fail_on",
                                                            VIPS_FAIL_ON_ERROR, nullptr));
  if (source.image == nullptr) {
    const std::string reason = vips_reason();
    return not_a_picture(reason == "''" ? fmt::format("its {} data are damaged", name_of(format)) : reason);
  }
  const Status good = check_size(vips_image_get_width(source.image.get()),
                                 vips_image_get_height(source.image.get()), max_pixels);
  if (!good) return good.error();
  if (format == Format::kPng) source.notes = animation_notes(bytes);
  return source;
}

}  // namespace compass::tools::images
