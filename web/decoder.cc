// The WebAssembly module's functions: flat ones over the C interface, for compass.mjs. Numbers and addresses
// in the module's memory go in and out; strings are UTF-8 and end in a NUL. A failure is a compass_status,
// and compass_message() says why. An instance decodes with one model, one picture at a time.
//
// Where memory runs out, the call traps: the instance must not be used any more.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "instance.h"

Instance& instance() {
  static Instance it;
  return it;
}

namespace {

compass_decode_settings wanted() {
  const Settings& given = instance().settings;
  compass_decode_settings settings;
  compass_decode_settings_init(&settings);
  settings.layer = given.layer;
  settings.size = {given.width, given.height};
  settings.region_x = given.x;
  settings.region_y = given.y;
  settings.region_width = given.region_width;
  settings.region_height = given.region_height;
  settings.strict = given.strict;
  return settings;
}

void keep_info(const compass_info& info) {
  Instance& it = instance();
  it.info = {static_cast<double>(info.need), static_cast<double>(info.minor_version),
             static_cast<double>(info.kinds), static_cast<double>(info.layer_count)};
  for (int i = 0; i < 8; ++i) it.info.decoder_id[i] = info.decoder_id[i];
  for (int k = 0; k < info.layer_count; ++k) {
    const compass_layer_info& layer = info.layers[k];
    it.info.layers[k] = {static_cast<double>(layer.width), static_cast<double>(layer.height), layer.quality,
                         static_cast<double>(layer.offset), static_cast<double>(layer.end)};
  }
}

// Room for a picture's RGBA; the one before is given back first.
uint8_t* make_room(int width, int height) {
  Instance& it = instance();
  it.rgba.reset();
  it.rgba.reset(new uint8_t[4 * static_cast<size_t>(width) * height]);
  return it.rgba.get();
}

void begin() {
  Instance& it = instance();
  it.rgba.reset();
  it.picture = {};
  it.error.message[0] = '\0';
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

// Why the last call that failed did, or what decoding lost.
COMPASS_WEB(message) const char* web_message() {
  return instance().error.message;
}
COMPASS_WEB(settings) Settings* web_settings() {
  return &instance().settings;
}
COMPASS_WEB(picture) const Picture* web_picture() {
  return &instance().picture;
}
// Gives the picture's memory back; the next one would, too.
COMPASS_WEB(picture_free) void web_picture_free() {
  begin();
}

// The model to decode with from now on; readers of the one before go on with that. Pictures of more than
// `max_pixels` are refused, and those that would take more than `max_memory` bytes, roughly; 0: the library's
// limits.
COMPASS_WEB(model) int32_t web_model(const uint8_t* data, size_t size, double max_pixels, double max_memory) {
  Instance& it = instance();
  it.decoder.reset();
  it.model.reset();
  compass_model* model = nullptr;
  compass_status status = compass_model_parse(data, size, &model, &it.error);
  if (status != COMPASS_OK) return status;
  it.model.reset(model);
  compass_options& options = it.options;
  compass_options_init(&options);
  options.threads = 1;
  options.precision = COMPASS_EXACT;
  if (max_pixels > 0) options.max_pixels = static_cast<uint64_t>(max_pixels);
  if (max_memory > 0) options.max_memory = static_cast<uint64_t>(max_memory);
  compass_decoder* decoder = nullptr;
  status = compass_decoder_create(model, &options, &decoder, &it.error);
  it.decoder.reset(decoder);
  return status;
}
COMPASS_WEB(model_name) const char* web_model_name() {
  return compass_model_name(instance().model.get());
}
// Eight bytes.
COMPASS_WEB(model_decoder_id) const uint8_t* web_model_decoder_id() {
  Instance& it = instance();
  compass_model_decoder_id(it.model.get(), it.id);
  return it.id;
}

// Reads the header from a file's first bytes into the struct at info_result().
COMPASS_WEB(info) int32_t web_info(const uint8_t* data, size_t size) {
  compass_info info;
  const compass_status status = compass_read_info(data, size, &info, &instance().error);
  keep_info(info);
  return status;
}
COMPASS_WEB(info_result) const Info* web_info_result() {
  return &instance().info;
}

// Decodes from a file's first bytes, as compass_decode() does, to RGBA in the struct at picture().
COMPASS_WEB(decode) int32_t web_decode(const uint8_t* data, size_t size) {
  Instance& it = instance();
  begin();
  const compass_decode_settings settings = wanted();
  compass_picture picture;
  const compass_status status = compass_decode(it.decoder.get(), data, size, &settings, &picture, &it.error);
  if (picture.rgb == nullptr) return status;
  uint8_t* const rgba = make_room(picture.width, picture.height);
  const size_t pixels = static_cast<size_t>(picture.width) * picture.height;
  for (size_t i = 0; i < pixels; ++i) {
    for (size_t c = 0; c < 3; ++c) rgba[4 * i + c] = picture.rgb[3 * i + c];
    rgba[4 * i + 3] = picture.alpha == nullptr ? 255 : picture.alpha[i];
  }
  it.picture = {rgba, picture.width, picture.height, picture.layer, picture.x, picture.y, picture.kinds, 1};
  compass_picture_free(&picture);
  return status;
}

// Readers, as in the C interface. Null if there is no model.
COMPASS_WEB(reader_create) compass_reader* web_reader_create() {
  Instance& it = instance();
  compass_reader* reader = nullptr;
  compass_reader_create(it.decoder.get(), nullptr, &reader, &it.error);
  return reader;
}
COMPASS_WEB(reader_free) void web_reader_free(compass_reader* reader) {
  compass_reader_free(reader);
}
COMPASS_WEB(reader_push)
int32_t web_reader_push(compass_reader* reader, double offset, const uint8_t* data, size_t size) {
  return compass_reader_push_at(reader, static_cast<uint64_t>(offset), data, size, &instance().error);
}
COMPASS_WEB(reader_end) int32_t web_reader_end(compass_reader* reader) {
  return compass_reader_end(reader, &instance().error);
}
// As info(), of what was pushed.
COMPASS_WEB(reader_info) int32_t web_reader_info(compass_reader* reader) {
  compass_info info;
  const compass_status status = compass_reader_info(reader, &info, &instance().error);
  keep_info(info);
  return status;
}
COMPASS_WEB(reader_need) double web_reader_need(const compass_reader* reader) {
  return static_cast<double>(compass_reader_need(reader));
}
COMPASS_WEB(reader_select) int32_t web_reader_select(compass_reader* reader) {
  const compass_decode_settings settings = wanted();
  return compass_reader_select(reader, &settings, &instance().error);
}
// The bytes that the settings take beside the header: at ranges(), ranges_count() pairs of offset and size.
COMPASS_WEB(reader_ranges) int32_t web_reader_ranges(compass_reader* reader) {
  Instance& it = instance();
  const compass_decode_settings settings = wanted();
  size_t count = 0;
  compass_status status = compass_reader_ranges(reader, &settings, nullptr, 0, &count, &it.error);
  if (status != COMPASS_OK) count = 0;
  std::vector<compass_range> found(count);
  if (count > 0) status = compass_reader_ranges(reader, &settings, found.data(), count, &count, &it.error);
  it.ranges.clear();
  for (const compass_range& range : found) {
    it.ranges.push_back({static_cast<double>(range.offset), static_cast<double>(range.size)});
  }
  return status;
}
COMPASS_WEB(ranges) const Range* web_ranges() {
  return instance().ranges.data();
}
COMPASS_WEB(ranges_count) size_t web_ranges_count() {
  return instance().ranges.size();
}
COMPASS_WEB(reader_ready) int32_t web_reader_ready(compass_reader* reader) {
  return compass_reader_ready(reader);
}

// The next layer, to RGBA in the struct at picture() unless it is to be `skipped`.
COMPASS_WEB(reader_next) int32_t web_reader_next(compass_reader* reader, int32_t skipped) {
  Instance& it = instance();
  begin();
  compass_layer layer;
  compass_layer_init(&layer);
  compass_status status = compass_reader_next(reader, &layer, &it.error);
  if (status != COMPASS_OK) return status;
  compass_output output;
  compass_output_init(&output);
  output.format = COMPASS_RGBA;
  if (skipped == 0) {
    output.size = 4 * static_cast<size_t>(layer.width) * layer.height;
    output.pixels = make_room(layer.width, layer.height);
  }
  status = compass_reader_next_layer(reader, skipped == 0 ? &output : nullptr, &layer, &it.error);
  if (layer.decoded == 0) {
    it.rgba.reset();
    return status;
  }
  it.picture = {it.rgba.get(), layer.width, layer.height, layer.layer,
                layer.x,       layer.y,     layer.kinds,  layer.is_last};
  return status;
}

}  // extern "C"
