// Writing half of image_file.h.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "image_file.h"
#include "image_metadata.h"
#include "vips_handle.h"

namespace compass::tools {
namespace {

// File name endings offered, each if the installed libvips can write it.
constexpr const char* kFormats[] = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff",
                                    ".ppm", ".jxl", ".jp2",  ".avif", ".heic"};
// Settings of the lossy ones. PNG, TIFF and PNM are lossless.
constexpr const char* kLossy = "[Q=95]";

constexpr const char* kPpm = ".ppm";

// Netpbm's format needs no library; it has no place for metadata.
Status write_ppm(const Rgb8View& image, OutputFile& file) {
  const std::string header = fmt::format("P6\n{} {}\n255\n", image.size.width, image.size.height);
  const auto* start = reinterpret_cast<const uint8_t*>(header.data());
  if (const Status written = file.write({start, header.size()}); !written) return written;
  for (int y = 0; y < image.size.height; ++y) {
    const Status written = file.write({image.row(y), static_cast<size_t>(image.size.width) * 3});
    if (!written) return written;
  }
  return file.commit();
}

bool is_lossless(const std::string& format) {
  return format == ".png" || format == ".tif" || format == ".tiff" || format == ".ppm";
}

bool can_write(const std::string& format) {
  if (format == kPpm) return true;  // without libvips
  const bool known = std::find(std::begin(kFormats), std::end(kFormats), format) != std::end(kFormats);
  if (!known || !start_image_files()) return false;
  const bool available = vips_foreign_find_save_target(format.c_str()) != nullptr;
  vips_error_clear();
  return available;
}

// Fills a piece of the picture that libvips asks for, on whichever of its threads.
int generate(VipsRegion* out, void* /*sequence*/, void* picture, void* /*unused*/, gboolean* /*stop*/) {
  const Rgb8View& image = *static_cast<const Rgb8View*>(picture);
  const VipsRect& area = out->valid;
  for (int y = area.top; y < area.top + area.height; ++y) {
    std::copy_n(image.row(y) + 3 * static_cast<size_t>(area.left), static_cast<size_t>(area.width) * 3,
                VIPS_REGION_ADDR(out, area.left, y));
  }
  return 0;
}

gint64 on_write(VipsTargetCustom* /*target*/, const void* data, gint64 length, void* file) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  const Status status = static_cast<OutputFile*>(file)->write({bytes, static_cast<size_t>(length)});
  return status ? length : -1;
}

gint64 on_read(VipsTargetCustom* /*target*/, void* data, gint64 length, void* file) {
  return static_cast<OutputFile*>(file)->read({static_cast<uint8_t*>(data), static_cast<size_t>(length)});
}

gint64 on_seek(VipsTargetCustom* /*target*/, gint64 offset, int whence, void* file) {
  return static_cast<OutputFile*>(file)->seek(offset, whence);
}

}  // namespace

Result<std::string> choose_format(const std::string& path, const std::string& format) {
  std::string ending = format.empty() ? ".ppm" : "." + format;
  if (format.empty() && path != "-") {
    const size_t dot = path.rfind('.');
    const bool none = dot == std::string::npos || path.find('/', dot) != std::string::npos;
    ending = none ? "" : path.substr(dot);
  }
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (can_write(ending)) {
    if (path == "-" && ending.starts_with(".tif")) {
      return Error{ErrorCode::kUsage, "TIFF cannot be written to a pipe; choose --format ppm or png"};
    }
    return ending;
  }
  std::string choices;
  for (const char* known : kFormats) {
    if (can_write(known)) choices += fmt::format("{}{}", choices.empty() ? "" : " ", known);
  }
  return Error{ErrorCode::kUsage,
               fmt::format("{}: no picture format by the name '{}'; choose one of {}, or --format", path,
                           ending, choices)};
}

Status write_image(const Image& image, const std::string& format, OutputFile& file) {
  Rgb8Image bytes(image.size());
  to_rgb8(image, bytes.bytes);
  return write_image(bytes.view(), format, file);
}

Status write_image(const Rgb8View& image, const std::string& format, OutputFile& file,
                   std::span<const MetadataChunk> metadata) {
  if (format == kPpm) return write_ppm(image, file);
  if (const Status started = start_image_files(); !started) return started;
  const Handle<VipsImage> pixels(vips_image_new());
  vips_image_init_fields(pixels.get(), image.size.width, image.size.height, 3, VIPS_FORMAT_UCHAR,
                         VIPS_CODING_NONE, VIPS_INTERPRETATION_sRGB, 72 / 25.4, 72 / 25.4);
  attach_metadata(metadata, pixels.get());
  const Handle<VipsTargetCustom> target(vips_target_custom_new());
  g_signal_connect(target.get(), "write", G_CALLBACK(on_write), &file);
  g_signal_connect(target.get(), "read", G_CALLBACK(on_read), &file);
  g_signal_connect(target.get(), "seek", G_CALLBACK(on_seek), &file);
  const std::string suffix = is_lossless(format) ? format : format + kLossy;
  const bool written =
      vips_image_pipelinev(pixels.get(), VIPS_DEMAND_STYLE_THINSTRIP, nullptr) == 0 &&
      vips_image_generate(pixels.get(), nullptr, generate, nullptr, const_cast<Rgb8View*>(&image), nullptr) ==
          0 &&
      vips_image_write_to_target(pixels.get(), suffix.c_str(), VIPS_TARGET(target.get()), nullptr) == 0;
  if (const Status status = file.write({}); !status) return status;  // the cause, if the disk or the pipe was
  if (!written) {
    return Error{ErrorCode::kFailure,
                 fmt::format("cannot write {}: {}; try another format", format, vips_reason())};
  }
  return file.commit();
}

}  // namespace compass::tools
