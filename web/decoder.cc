// The WebAssembly module's functions: flat ones over the C interface, for compass.mjs. Numbers and addresses in
// the module's memory go in and out; strings are UTF-8 and end in a NUL. A failure is a compass_status, and
// compass_web_message() says why. An instance decodes with one model, one picture at a time.
//
// Where memory runs out, the call traps: the instance must not be used any more.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "compass/compass.h"

#define COMPASS_WEB(name) __attribute__((export_name("compass_" #name), used))

namespace {

struct FreeModel {
  void operator()(compass_model* model) const { compass_model_free(model); }
};
struct FreeDecoder {
  void operator()(compass_decoder* decoder) const { compass_decoder_free(decoder); }
};

// What info() and decode() found, as compass.mjs reads it.
struct Layer {
  double width, height, quality, offset, end;
};
struct Info {
  double need, minor_version, kinds, layer_count;
  uint8_t decoder_id[8];
  Layer layers[COMPASS_MAX_LAYERS];
};
struct Picture {
  uint8_t* rgba;
  int32_t width, height, layer, x, y, kinds;
};

struct Instance {
  std::unique_ptr<compass_model, FreeModel> model;
  std::unique_ptr<compass_decoder, FreeDecoder> decoder;
  std::unique_ptr<uint8_t[]> rgba;
  uint8_t decoder_id[8] = {};
  compass_error error{};
  Info info{};
  Picture picture{};
};

Instance& instance() {
  static Instance it;
  return it;
}

}  // namespace

extern "C" {

// `size` bytes for the caller to write to; null if there are none left.
COMPASS_WEB(alloc) void* web_alloc(size_t size) {
  return std::malloc(size);
}
COMPASS_WEB(free) void web_free(void* memory) {
  std::free(memory);
}

COMPASS_WEB(version) const char* web_version() {
  return compass_version();
}

// Why the last call that failed did, or what decode() lost.
COMPASS_WEB(message) const char* web_message() {
  return instance().error.message;
}

// The model to decode with from now on. Pictures of more than `max_pixels` are refused, and those that would take
// more than `max_memory` bytes, roughly; 0: no limit.
COMPASS_WEB(model) int32_t web_model(const uint8_t* data, size_t size, double max_pixels, double max_memory) {
  Instance& it = instance();
  it.decoder.reset();
  it.model.reset();
  compass_model* model = nullptr;
  compass_status status = compass_model_parse(data, size, &model, &it.error);
  if (status != COMPASS_OK) return status;
  it.model.reset(model);
  compass_options options;
  compass_options_init(&options);
  options.threads = 1;
  options.precision = COMPASS_EXACT;
  if (max_pixels > 0) options.max_pixels = static_cast<uint64_t>(max_pixels);
  options.max_memory = static_cast<uint64_t>(max_memory);
  compass_decoder* decoder = nullptr;
  status = compass_decoder_create(model, &options, &decoder, &it.error);
  it.decoder.reset(decoder);
  return status;
}

// Eight bytes; null before there is a model.
COMPASS_WEB(model_decoder_id) const uint8_t* web_model_decoder_id() {
  Instance& it = instance();
  if (!it.model) return nullptr;
  compass_model_decoder_id(it.model.get(), it.decoder_id);
  return it.decoder_id;
}

// Reads the header from a file's first bytes into the struct at info_result().
COMPASS_WEB(info) int32_t web_info(const uint8_t* data, size_t size) {
  Instance& it = instance();
  compass_info info;
  const compass_status status = compass_read_info(data, size, &info, &it.error);
  it.info = {static_cast<double>(info.need), static_cast<double>(info.minor_version),
             static_cast<double>(info.kinds), static_cast<double>(info.layer_count)};
  for (int i = 0; i < 8; ++i) it.info.decoder_id[i] = info.decoder_id[i];
  for (int k = 0; k < info.layer_count; ++k) {
    const compass_layer_info& layer = info.layers[k];
    it.info.layers[k] = {static_cast<double>(layer.width), static_cast<double>(layer.height), layer.quality,
                         static_cast<double>(layer.offset), static_cast<double>(layer.end)};
  }
  return status;
}
COMPASS_WEB(info_result) const void* web_info_result() {
  return &instance().info;
}

// Decodes from a file's first bytes, as compass_decode() does, to RGBA in the struct at picture(). What is not
// asked for is -1 (layer), 0 (size, region).
COMPASS_WEB(decode) int32_t web_decode(const uint8_t* data, size_t size, int32_t layer, int32_t width, int32_t height,
                                       int32_t x, int32_t y, int32_t region_width, int32_t region_height,
                                       int32_t strict) {
  Instance& it = instance();
  it.rgba.reset();
  it.picture = {};
  it.error.message[0] = '\0';
  compass_decode_settings settings;
  compass_decode_settings_init(&settings);
  settings.layer = layer;
  settings.size = {width, height};
  settings.region_x = x;
  settings.region_y = y;
  settings.region_width = region_width;
  settings.region_height = region_height;
  settings.strict = strict;
  compass_picture picture;
  const compass_status status = compass_decode(it.decoder.get(), data, size, &settings, &picture, &it.error);
  if (picture.rgb == nullptr) return status;
  const size_t pixels = static_cast<size_t>(picture.width) * picture.height;
  it.rgba.reset(new uint8_t[4 * pixels]);
  for (size_t i = 0; i < pixels; ++i) {
    for (size_t c = 0; c < 3; ++c) it.rgba[4 * i + c] = picture.rgb[3 * i + c];
    it.rgba[4 * i + 3] = picture.alpha == nullptr ? 255 : picture.alpha[i];
  }
  it.picture = {it.rgba.get(), picture.width, picture.height, picture.layer, picture.x, picture.y, picture.kinds};
  compass_picture_free(&picture);
  return status;
}
COMPASS_WEB(picture) const void* web_picture() {
  return &instance().picture;
}

// Gives the picture's memory back; the next decode() would, too.
COMPASS_WEB(picture_free) void web_picture_free() {
  instance().rgba.reset();
  instance().picture = {};
}

}  // extern "C"
