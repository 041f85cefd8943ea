// The function that encodes, which compass-encoder.wasm has beside those of decoder.cc.
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "instance.h"

namespace {

struct FreeEncoder {
  void operator()(compass_encoder* encoder) const { compass_encoder_free(encoder); }
};

// What compass.mjs writes before a call.
struct EncodeSettings {
  double quality;
  int32_t effort;       // -1: the library's
  int32_t layer_count;  // 0: the library's layers
  compass_size layers[COMPASS_MAX_LAYERS];
};

EncodeSettings& settings() {
  static EncodeSettings it{};
  return it;
}
// The last file.
compass_bytes& file() {
  static compass_bytes it{};
  return it;
}

// Whether any pixel is not opaque; if so, alpha goes to `alpha`.
bool split(const uint8_t* rgba, size_t pixels, uint8_t* rgb, uint8_t* alpha) {
  uint8_t all = 255;
  for (size_t i = 0; i < pixels; ++i) {
    for (size_t c = 0; c < 3; ++c) rgb[3 * i + c] = rgba[4 * i + c];
    alpha[i] = rgba[4 * i + 3];
    all &= alpha[i];
  }
  return all != 255;
}

}  // namespace

extern "C" {

COMPASS_WEB(encode_settings) void* web_encode_settings() {
  return &settings();
}
COMPASS_WEB(encoded) const compass_bytes* web_encoded() {
  return &file();
}
COMPASS_WEB(encoded_free) void web_encoded_free() {
  compass_bytes_free(&file());
}

// Encodes `height` rows of `width` pixels of RGBA, which it gives back to compass_alloc()'s heap as soon as
// it can, to the file at encoded().
COMPASS_WEB(encode) int32_t web_encode(uint8_t* rgba, int32_t width, int32_t height) {
  Instance& it = instance();
  compass_bytes_free(&file());
  const size_t pixels = static_cast<size_t>(width) * height;
  const std::unique_ptr<uint8_t[]> rgb(new uint8_t[3 * pixels]);
  std::unique_ptr<uint8_t[]> alpha(new uint8_t[pixels]);
  if (!split(rgba, pixels, rgb.get(), alpha.get())) alpha.reset();
  std::free(rgba);
  compass_encoder* encoder = nullptr;
  compass_status status = compass_encoder_create(it.model.get(), &it.options, &encoder, &it.error);
  if (status != COMPASS_OK) return status;
  const std::unique_ptr<compass_encoder, FreeEncoder> owner(encoder);
  compass_encode_settings wanted;
  compass_encode_settings_init(&wanted);
  wanted.quality = settings().quality;
  wanted.effort = settings().effort < 0 ? COMPASS_EFFORT_DEFAULT : settings().effort;
  if (settings().layer_count > 0) {
    wanted.sizes = settings().layers;
    wanted.size_count = static_cast<size_t>(settings().layer_count);
  }
  if (alpha != nullptr) {
    wanted.alpha = alpha.get();
    wanted.alpha_stride = static_cast<size_t>(width);
  }
  return compass_encode(encoder, rgb.get(), width, height, 3 * static_cast<size_t>(width), &wanted, &file(),
                        &it.error);
}

}  // extern "C"
