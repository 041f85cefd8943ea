// Text as pixels, through the image module (Pango).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/size.h"
#include "image/image.h"

namespace compass::tools {

// Coverage 0..255 of a line of text, cropped to its ink.
struct TextMask {
  Size size;
  std::vector<uint8_t> coverage;
};

// `font` as Pango names fonts: "Sans Bold 12" (points at 96 dpi). Errors: kFailure (no font installed).
Result<TextMask> render_text(const std::string& text, const std::string& font);

struct Colour {
  float red, green, blue;
};

// Blends the mask onto the picture with its top left corner at (x, y); what hangs over the edge is cut.
void draw_mask(const TextMask& mask, Colour colour, int x, int y, Image& picture);

}  // namespace compass::tools
