// The IIIF Image API 3.0 (https://iiif.io/api/image/3.0/), level 1 and some more: what a request for a part
// of a picture at a size means, and what a viewer is told about a picture. No pixels here.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/size.h"

namespace compass::tools::serve {

// What is to be made of a picture, and how.
struct Rendering {
  Rect region;  // of the whole picture, in its own pixels
  Size size;    // that the region is brought to; never larger than the region
  bool grey = false;
  std::string format;  // as files end: ".jpg", ".png", ".webp"
};

// Pictures that clients may ask for have no more pixels.
inline constexpr int64_t kMaxAnswerPixels = 32'000'000;

// The four last parts of an image request, region, size, rotation and quality.format, of a picture of size
// `full`. Errors: kUsage (it is wrong), kFailure (it is right, but we do not offer it).
Result<Rendering> parse_iiif(std::span<const std::string> parts, Size full);

// The document that a viewer asks for first. `id`: the picture's address, without a slash at its end.
// `layers`: sizes, smallest first.
std::string iiif_info(const std::string& id, std::span<const Size> layers);

}  // namespace compass::tools::serve
