// The functions of the image module (../image_module.h).
#pragma once

#include "image_module.h"

namespace compass::tools::images {

Status start();
Result<Photo> read_image(const std::string& path, const ReadSettings& settings);
bool can_write(const std::string& format);
Result<Notes> write_image(const Rgb8View& image, const std::string& format, ByteSink& sink,
                          std::span<const MetadataChunk> metadata);
Result<TextMask> render_text(const std::string& text, const std::string& font);

}  // namespace compass::tools::images
