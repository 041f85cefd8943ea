#include "read_back.h"

#include <unistd.h>

#include "metadata.h"
#include "vips_handle.h"

namespace compass::tools::images {
namespace {

gint64 on_read(VipsSourceCustom* /*source*/, void* data, gint64 length, void* sink) {
  return static_cast<ByteSink*>(sink)->read({static_cast<uint8_t*>(data), static_cast<size_t>(length)});
}

gint64 on_seek(VipsSourceCustom* /*source*/, gint64 offset, int whence, void* sink) {
  return static_cast<ByteSink*>(sink)->seek(offset, whence);
}

}  // namespace

ReadBack read_back(ByteSink& sink, Size size) {
  if (sink.seek(0, SEEK_SET) != 0) return {};
  const Handle<VipsSourceCustom> source(vips_source_custom_new());
  g_signal_connect(source.get(), "read", G_CALLBACK(on_read), &sink);
  g_signal_connect(source.get(), "seek", G_CALLBACK(on_seek), &sink);
  const Handle<VipsImage> image(
      vips_image_new_from_source(VIPS_SOURCE(source.get()), "", "access", VIPS_ACCESS_SEQUENTIAL, nullptr));
  vips_error_clear();
  if (image == nullptr) return {};
  const auto bytes = [&](const char* name) {
    const void* data = nullptr;
    size_t count = 0;
    if (vips_image_get_typeof(image.get(), name) != VIPS_TYPE_BLOB) return size_t{0};
    return vips_image_get_blob(image.get(), name, &data, &count) == 0 ? count : 0;
  };
  return {
      vips_image_get_width(image.get()) == size.width && vips_image_get_height(image.get()) == size.height,
      bytes(VIPS_META_EXIF_NAME), xmp_packet(image.get()).size(), bytes(VIPS_META_ICC_NAME)};
}

}  // namespace compass::tools::images
