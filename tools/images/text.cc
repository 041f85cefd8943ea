// Text as pixels, by Pango.

#include <fmt/format.h>

#include <memory>

#include "functions.h"
#include "vips_handle.h"

namespace compass::tools::images {
namespace {

constexpr int kDpi = 96;

}  // namespace

Result<TextMask> render_text(const std::string& text, const std::string& font) {
  VipsImage* out = nullptr;
  // Pango reads markup, and nothing but UTF-8: the text is meant as it stands, with U+FFFD for what is no
  // character.
  const std::unique_ptr<char, decltype(&g_free)> valid(
      g_utf8_make_valid(text.data(), static_cast<gssize>(text.size())), g_free);
  const std::unique_ptr<char, decltype(&g_free)> plain(g_markup_escape_text(valid.get(), -1), g_free);
  if (vips_text(&out, plain.get(), "font", font.c_str(), "dpi", kDpi, nullptr) != 0) {
    return Error{
        ErrorCode::kFailure,
        fmt::format("cannot draw text: {}; install a font such as fonts-dejavu-core", vips_reason())};
  }
  const Handle<VipsImage> image(out);
  size_t bytes = 0;
  const std::unique_ptr<void, decltype(&g_free)> pixels(vips_image_write_to_memory(image.get(), &bytes),
                                                        g_free);
  TextMask mask{{vips_image_get_width(image.get()), vips_image_get_height(image.get())}, {}};
  if (pixels == nullptr || bytes != static_cast<size_t>(mask.size.pixels())) {
    return Error{ErrorCode::kFailure, fmt::format("cannot draw text: {}", vips_reason())};
  }
  const auto* first = static_cast<const uint8_t*>(pixels.get());
  mask.coverage.assign(first, first + bytes);
  return mask;
}

}  // namespace compass::tools::images
