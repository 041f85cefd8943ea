// The code points of HEIF and AVIF pictures (nclx), by libheif: libvips hands on ICC profiles only. libheif
// itself has applied matrix and range when it gives RGB.
#include <libheif/heif.h>

#include "colour_facts.h"
#include "core/freed.h"

namespace compass::tools::images {
namespace {

VipsSource* source_of(void* user) {
  return static_cast<VipsSource*>(user);
}

int64_t position(void* user) {
  return vips_source_seek(source_of(user), 0, SEEK_CUR);
}

// 0 is success in libheif's callbacks.
int read(void* out, size_t bytes, void* user) {
  auto* at = static_cast<uint8_t*>(out);
  while (bytes > 0) {
    const gint64 got = vips_source_read(source_of(user), at, bytes);
    if (got <= 0) return 1;
    at += got;
    bytes -= static_cast<size_t>(got);
  }
  return 0;
}

int seek(int64_t to, void* user) {
  return vips_source_seek(source_of(user), to, SEEK_SET) < 0 ? 1 : 0;
}

heif_reader_grow_status wait_for(int64_t size, void* user) {
  const gint64 length = vips_source_length(source_of(user));
  return length >= size ? heif_reader_grow_status_size_reached : heif_reader_grow_status_size_beyond_eof;
}

constexpr heif_reader kReader = {.reader_api_version = 1,
                                 .get_position = position,
                                 .read = read,
                                 .seek = seek,
                                 .wait_for_file_size = wait_for};

}  // namespace

void read_heif_facts(VipsSource* source, ColourFacts& facts) {
  if (vips_source_rewind(source) != 0) return;
  const std::unique_ptr<heif_context, Freed<heif_context_free>> context(heif_context_alloc());
  if (context == nullptr ||
      heif_context_read_from_reader(context.get(), &kReader, source, nullptr).code != heif_error_Ok) {
    return;
  }
  heif_image_handle* primary = nullptr;
  if (heif_context_get_primary_image_handle(context.get(), &primary).code != heif_error_Ok) return;
  const std::unique_ptr<heif_image_handle, Freed<heif_image_handle_release>> handle(primary);
  facts.premultiplied = heif_image_handle_has_alpha_channel(primary) != 0 &&
                        heif_image_handle_is_premultiplied_alpha(primary) != 0;
  heif_color_profile_nclx* nclx = nullptr;
  const heif_error got = heif_image_handle_get_nclx_color_profile(handle.get(), &nclx);
  const std::unique_ptr<heif_color_profile_nclx, Freed<heif_nclx_color_profile_free>> profile(nclx);
  if (got.code == heif_error_Ok && nclx != nullptr) {
    facts.code_points = CodePoints{nclx->color_primaries, nclx->transfer_characteristics};
  } else if (got.code != heif_error_Color_profile_does_not_exist) {
    facts.notes.emplace_back("its colour description (nclx) cannot be read: its colours are taken for sRGB");
  }
}

}  // namespace compass::tools::images
