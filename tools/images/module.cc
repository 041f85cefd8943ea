#include "functions.h"

extern "C" __attribute__((visibility("default"))) const compass::tools::ImageModule* compass_image_module() {
  namespace images = compass::tools::images;
  static constexpr compass::tools::ImageModule kModule = {
      images::start, images::read_image, images::can_write, images::write_image, images::render_text};
  return &kModule;
}
