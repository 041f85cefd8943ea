#include "text.h"

#include <algorithm>

#include "image_module.h"

namespace compass::tools {

Result<TextMask> render_text(const std::string& text, const std::string& font) {
  const Result<const ImageModule*> module = image_module();
  if (!module) return module.error();
  return (*module)->render_text(text, font);
}

void draw_mask(const TextMask& mask, Colour colour, int x, int y, Image& picture) {
  const float values[3] = {colour.red, colour.green, colour.blue};
  for (int v = std::max(0, -y); v < std::min(mask.size.height, picture.height() - y); ++v) {
    const uint8_t* row = mask.coverage.data() + static_cast<size_t>(v) * mask.size.width;
    for (int c = 0; c < 3; ++c) {
      float* out = picture.row(c, y + v);
      for (int u = std::max(0, -x); u < std::min(mask.size.width, picture.width() - x); ++u) {
        const float a = static_cast<float>(row[u]) / 255.0F;
        out[x + u] += a * (values[c] - out[x + u]);
      }
    }
  }
}

}  // namespace compass::tools
