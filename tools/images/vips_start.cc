#include "vips_start.h"

#include <fmt/format.h>

#include "vips_handle.h"

namespace compass::tools::images {
namespace {

constexpr const char* kAllLoaders = "VipsForeignLoad";
// JPEG is among them for its metadata.
constexpr const char* kLoaders[] = {"VipsForeignLoadJpeg", "VipsForeignLoadPng",   "VipsForeignLoadWebp",
                                    "VipsForeignLoadTiff", "VipsForeignLoadNsgif", "VipsForeignLoadHeif",
                                    "VipsForeignLoadJxl"};

// Receives all of GLib's messages. The only fatal one that an input can cause is that memory ran out.
GLogWriterOutput on_message(GLogLevelFlags level, const GLogField* /*fields*/, gsize /*count*/,
                            void* out_of_memory) {
  if ((level & G_LOG_LEVEL_ERROR) != 0) reinterpret_cast<void (*)()>(out_of_memory)();
  return G_LOG_WRITER_HANDLED;
}

}  // namespace

Status start_vips(void (*out_of_memory)()) {
  // Libraries print nothing: some of it would go to standard output, where our data may go.
  g_log_set_writer_func(on_message, reinterpret_cast<void*>(out_of_memory), nullptr);
  g_set_print_handler([](const gchar*) {});
  g_set_printerr_handler([](const gchar*) {});
  if (vips_init("compass") != 0) {
    return Error{ErrorCode::kFailure, fmt::format("libvips does not start: {}", vips_reason())};
  }
  vips_cache_set_max(0);  // every operation is used once
  vips_operation_block_set(kAllLoaders, TRUE);
  return {};
}

void allow_loaders() {
  for (const char* loader : kLoaders) vips_operation_block_set(loader, FALSE);
}

}  // namespace compass::tools::images
