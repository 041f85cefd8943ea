// The functions of the image module (../common/image_module.h).
#pragma once

#include "common/image_module.h"

namespace compass::tools::images {

Status start();
bool can_write(const std::string& format);
Result<Notes> write_image(const PictureView& picture, const FileSamples& samples, const std::string& format,
                          ByteSink& sink, std::span<const MetadataChunk> metadata);
Result<TextMask> render_text(const std::string& text, const std::string& font);

}  // namespace compass::tools::images
