// Writing pictures: what image_file.h promises for every format but PPM.
#include <fmt/format.h>

#include <algorithm>

#include "functions.h"
#include "metadata_writer.h"
#include "vips_handle.h"

namespace compass::tools::images {
namespace {

bool is_lossless(const std::string& format) {
  return format == ".png" || format == ".tif" || format == ".tiff";
}

// libvips' options for a format.
std::string settings(const std::string& format, bool strip) {
  const char* const lossy = is_lossless(format) ? "" : "Q=95,";
  return fmt::format("[{}strip={}]", lossy, strip);
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

gint64 on_write(VipsTargetCustom* /*target*/, const void* data, gint64 length, void* sink) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  const Status status = static_cast<ByteSink*>(sink)->write({bytes, static_cast<size_t>(length)});
  return status ? length : -1;
}

gint64 on_read(VipsTargetCustom* /*target*/, void* data, gint64 length, void* sink) {
  return static_cast<ByteSink*>(sink)->read({static_cast<uint8_t*>(data), static_cast<size_t>(length)});
}

gint64 on_seek(VipsTargetCustom* /*target*/, gint64 offset, int whence, void* sink) {
  return static_cast<ByteSink*>(sink)->seek(offset, whence);
}

}  // namespace

bool can_write(const std::string& format) {
  const bool available = vips_foreign_find_save_target(format.c_str()) != nullptr;
  vips_error_clear();
  return available;
}

Status write_image(const Rgb8View& image, const std::string& format, ByteSink& sink,
                   std::span<const MetadataChunk> metadata) {
  const Handle<VipsImage> pixels(vips_image_new());
  vips_image_init_fields(pixels.get(), image.size.width, image.size.height, 3, VIPS_FORMAT_UCHAR,
                         VIPS_CODING_NONE, VIPS_INTERPRETATION_sRGB, 1, 1);
  MetadataWriter writer(format, metadata, image.size, sink);
  writer.attach(pixels.get());
  ByteSink* const bytes = &writer;
  const Handle<VipsTargetCustom> target(vips_target_custom_new());
  g_signal_connect(target.get(), "write", G_CALLBACK(on_write), bytes);
  g_signal_connect(target.get(), "read", G_CALLBACK(on_read), bytes);
  g_signal_connect(target.get(), "seek", G_CALLBACK(on_seek), bytes);
  const std::string suffix = format + settings(format, writer.strip());
  const bool written =
      vips_image_pipelinev(pixels.get(), VIPS_DEMAND_STYLE_THINSTRIP, nullptr) == 0 &&
      vips_image_generate(pixels.get(), nullptr, generate, nullptr, const_cast<Rgb8View*>(&image), nullptr) ==
          0 &&
      vips_image_write_to_target(pixels.get(), suffix.c_str(), VIPS_TARGET(target.get()), nullptr) == 0;
  if (written) {
    if (const Status status = writer.finish(); !status) return status;
  }
  if (const Status status = sink.write({}); !status) return status;  // the cause, if the disk or the pipe was
  if (!written) {
    return Error{ErrorCode::kFailure,
                 fmt::format("cannot write {}: {}; try another format", format, vips_reason())};
  }
  return {};
}

}  // namespace compass::tools::images
