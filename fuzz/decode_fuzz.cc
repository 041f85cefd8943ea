// The whole decoder on any file.
#include <cstdint>
#include <span>
#include <vector>

#include "cmps_mutator.h"
#include "codec/decoder.h"

namespace {

void check(const Result<DecodedPicture>& decoded, const DecodeSettings& settings) {
  if (!decoded) {
    require(!decoded.error().message.empty());
    return;
  }
  const Image& image = decoded->image;
  require(image.width() >= 1 && image.height() >= 1);
  if (settings.size) require(image.size() == *settings.size);
  // Of a lower layer than the wanted one, a region is the part that covers the same part of the picture.
  require(image.size() == decoded->part.size() || settings.size);
  require(decoded->alpha.empty() != decoded->kinds.alpha);
  require(decoded->alpha.empty() || decoded->alpha.size == image.size());
  if (settings.region && decoded->damage.empty()) require(decoded->part == *settings.region);
  if (settings.strict) require(decoded->damage.empty());
  if (settings.layer && decoded->damage.empty()) require(decoded->layer == *settings.layer);
  std::vector<uint8_t> rgb(3 * image.size().pixels());
  to_rgb8(image, rgb);  // whatever the networks made of it
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> file(data, size);
  if (!small_enough(file)) return 0;
  // The decoder keeps its compiled kernels from one input to the next, as a long-running program's would.
  static Decoder decoder(model(), {.threads = 1, .precision = Precision::kF32, .max_pixels = kMaxPixels});
  // What is asked of the file follows from its bytes, so that files alone make the corpus.
  const uint32_t choice = checksum(file);
  const int x = static_cast<int>(choice >> 8 & 15), y = static_cast<int>(choice >> 12 & 15);
  const int width = 1 + static_cast<int>(choice >> 16 & 31), height = 1 + static_cast<int>(choice >> 21 & 31);
  DecodeSettings settings;
  settings.strict = choice % 16 == 0;
  if ((choice >> 4) % 4 == 1) settings.layer = static_cast<int>(choice >> 26) % 4;
  if ((choice >> 4) % 4 == 2) settings.region = Rect{x, y, width, height};
  if ((choice >> 4) % 4 == 3) settings.size = Size{width, height};
  MemorySource source(file);
  check(decoder.decode(source, settings), settings);
  return 0;
}
