// What a WebAssembly instance holds, and how its functions are named for JavaScript.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "compass/compass.h"

#define COMPASS_WEB(name) __attribute__((export_name("compass_" #name), used))

struct FreeModel {
  void operator()(compass_model* model) const { compass_model_free(model); }
};
struct FreeDecoder {
  void operator()(compass_decoder* decoder) const { compass_decoder_free(decoder); }
};

// What compass.mjs writes before a call that takes settings. What is not asked for is -1 (layer) or 0.
struct Settings {
  int32_t layer, width, height, x, y, region_width, region_height, strict;
};

// What calls found, as compass.mjs reads it: all numbers are doubles, but for the picture's.
struct Layer {
  double width, height, quality, offset, end;
};
struct Info {
  double need, minor_version, kinds, layer_count;
  uint8_t decoder_id[8];
  Layer layers[COMPASS_MAX_LAYERS];
};
struct Range {
  double offset, size;
};
struct Picture {
  uint8_t* rgba;
  int32_t width, height, layer, x, y, kinds, is_last;
};

struct Instance {
  std::unique_ptr<compass_model, FreeModel> model;
  std::unique_ptr<compass_decoder, FreeDecoder> decoder;
  std::unique_ptr<uint8_t[]> rgba;
  uint8_t id[8] = {};
  compass_error error{};
  compass_options options{};  // of the decoder
  Settings settings{};
  Info info{};
  std::vector<Range> ranges;
  Picture picture{};
};

// The only one.
Instance& instance();
