// First frames of animations, where libvips lacks facts about them or shows them wrongly.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/size.h"

namespace compass::tools::images {

// PNG's animations (APNG), which libvips knows nothing of.
struct PngAnimation {
  uint32_t frames = 0;          // 0: none
  bool first_is_still = false;  // the picture that every PNG reader sees is the first frame
};
PngAnimation png_animation(std::span<const uint8_t> png);

// Where a GIF's first frame lies on the canvas; nothing if there is none.
std::optional<Rect> gif_first_frame(std::span<const uint8_t> gif);

// Whether a HEIF or AVIF file says that it holds a sequence of pictures beside the still one.
bool is_heif_sequence(std::span<const uint8_t> heif);

// Whether a JPEG XL file (ISO/IEC 18181) is an animation.
bool is_jxl_animation(std::span<const uint8_t> jxl);

}  // namespace compass::tools::images
