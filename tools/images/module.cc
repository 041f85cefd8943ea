#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "functions.h"
#include "vips_handle.h"
#include "vips_start.h"

namespace compass::tools::images {
namespace {

// Said without memory. Output files that are not whole vanish with the process.
void out_of_memory() {
  constexpr std::string_view kMessage =
      "compass: out of memory while writing a picture; write a smaller one\n";
  [[maybe_unused]] const ssize_t done = write(STDERR_FILENO, kMessage.data(), kMessage.size());
  _exit(EXIT_FAILURE);
}

}  // namespace

Status start() {
  if (Status started = start_vips(out_of_memory); !started) return started;
  // Written files are read again as a check (read_back.h), JPEG 2000 among them; their bytes are our own.
  allow_loaders();
  vips_operation_block_set("VipsForeignLoadJp2k", FALSE);
  return {};
}

}  // namespace compass::tools::images

extern "C" __attribute__((visibility("default"))) const compass::tools::ImageModule* compass_image_module() {
  namespace images = compass::tools::images;
  static constexpr compass::tools::ImageModule kModule = {images::start, images::can_write,
                                                          images::write_image, images::render_text};
  return &kModule;
}
