#include "picture_view.h"

#include <array>
#include <cstring>

namespace compass::tools {
namespace {

// Colours of a row of `picture`, from 0 to `top`: bytes with a top of 255, or else 65535ths.
template <typename Sample>
std::array<uint32_t, 3> colours_at(const PictureView& picture, int x, int y) {
  std::array<uint32_t, 3> colours;
  for (int c = 0; c < 3; ++c) {
    if (picture.deep != nullptr) {
      const float v = picture.deep->row(c, y)[x];
      colours[c] = sizeof(Sample) == 1 ? byte_of_sample(v) : deep_of_sample(v);
    } else if (picture.rgb16.data != nullptr) {
      const uint32_t v = picture.rgb16.row(y)[3 * static_cast<size_t>(x) + c];
      colours[c] = sizeof(Sample) == 1 ? (v + 128) / 257 : v;
    } else {
      const uint32_t v = picture.rgb.row(y)[3 * static_cast<size_t>(x) + c];
      colours[c] = sizeof(Sample) == 1 ? v : v * 257;
    }
  }
  return colours;
}

template <typename Sample>
void fill(const PictureView& picture, const FileSamples& samples, int x, int y, int count, uint8_t* out) {
  constexpr uint64_t kTop = sizeof(Sample) == 1 ? 255 : 65535;
  const auto put = [&out](uint64_t value) {
    const auto sample = static_cast<Sample>(value);
    std::memcpy(out, &sample, sizeof sample);
    out += sizeof sample;
  };
  for (int i = x; i < x + count; ++i) {
    std::array<uint32_t, 3> colours = colours_at<Sample>(picture, i, y);
    if (picture.grey) colours.fill(grey_of(colours[0], colours[1], colours[2]));
    const uint64_t opacity = picture.alpha.empty() ? 255 : picture.alpha.row(y)[i];
    for (int c = 0; c < (samples.grey ? 1 : 3); ++c) {
      const bool over = opacity < 255 && !samples.alpha;
      put(over ? (colours[c] * opacity + kTop * (255 - opacity) + 127) / 255 : colours[c]);
    }
    if (samples.alpha) put(opacity * (kTop / 255));
  }
}

}  // namespace

void fill_row(const PictureView& picture, const FileSamples& samples, int x, int y, int count, uint8_t* out) {
  // The commonest as they lie in memory.
  if (!picture.is_deep() && picture.alpha.empty() && !picture.grey && !samples.deep && !samples.alpha &&
      !samples.grey) {
    std::memcpy(out, picture.rgb.row(y) + 3 * static_cast<size_t>(x), 3 * static_cast<size_t>(count));
  } else if (samples.deep) {
    fill<uint16_t>(picture, samples, x, y, count, out);
  } else {
    fill<uint8_t>(picture, samples, x, y, count, out);
  }
}

}  // namespace compass::tools
