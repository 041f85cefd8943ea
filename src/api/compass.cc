// The C interface: translates between plain structs and the library, and stops exceptions.
#include "compass/compass.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string>

#include "bitstream/container.h"
#include "codec/decoder.h"
#include "codec/encoder.h"
#include "image/image.h"
#include "model/model.h"

struct compass_model {
  std::shared_ptr<const compass::Model> model;
};

struct compass_encoder {
  compass::Encoder encoder;
};

struct compass_decoder {
  compass::Decoder decoder;
};

namespace {

using compass::ErrorCode;

compass_status status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
      return COMPASS_USAGE;
    case ErrorCode::kBadFile:
      return COMPASS_BAD_FILE;
    case ErrorCode::kDamaged:
      return COMPASS_DAMAGED;
    case ErrorCode::kModel:
      return COMPASS_MODEL;
    case ErrorCode::kIo:
      return COMPASS_IO;
    case ErrorCode::kFailure:
      break;
  }
  return COMPASS_FAILURE;
}

compass_status fail(compass_status status, const char* message, compass_error* error) {
  if (error != nullptr) {
    const size_t length = std::min(std::strlen(message), sizeof error->message - 1);
    std::memcpy(error->message, message, length);
    error->message[length] = '\0';
  }
  return status;
}

compass_status fail(const compass::Error& cause, compass_error* error) {
  return fail(status_of(cause.code), cause.message.c_str(), error);
}

compass_status missing(const char* what, compass_error* error) {
  return fail(COMPASS_USAGE, (std::string(what) + " must not be NULL").c_str(), error);
}

// Runs `body`, which returns a compass_status; no exception passes.
template <typename Body>
compass_status guarded(compass_error* error, Body body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return fail(COMPASS_FAILURE, "out of memory", error);
  } catch (const std::exception& exception) {
    return fail(COMPASS_FAILURE, exception.what(), error);
  } catch (...) {
    return fail(COMPASS_FAILURE, "unknown failure", error);
  }
}

// The caller's struct, which an older or newer header may have laid out shorter or longer, over the defaults.
template <typename Struct>
Struct with_defaults(const Struct* given, void (*init)(Struct*)) {
  Struct settings;
  init(&settings);
  if (given != nullptr) {
    const size_t known = std::min(given->struct_size, sizeof settings);
    std::memcpy(static_cast<void*>(&settings), given, known);
  }
  return settings;
}

compass::CodecOptions codec_options(const compass_options* given) {
  const compass_options options = with_defaults(given, compass_options_init);
  compass::CodecOptions out;
  out.threads = std::max(0, options.threads);
  out.max_pixels = options.max_pixels;
  out.max_memory = options.max_memory;
  switch (options.precision) {
    case COMPASS_F32:
      out.precision = compass::Precision::kF32;
      break;
    case COMPASS_BF16:
      out.precision = compass::Precision::kBF16;
      break;
    case COMPASS_AUTO:
      out.precision = compass::Precision::kAuto;
      break;
  }
  return out;
}

compass_status model_result(compass::Result<std::shared_ptr<const compass::Model>> model, compass_model** out,
                            compass_error* error) {
  if (!model) return fail(model.error(), error);
  *out = new compass_model{*std::move(model)};
  return COMPASS_OK;
}

void* allocate(size_t bytes) {
  void* memory = std::malloc(std::max<size_t>(1, bytes));
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void fill_picture(const compass::DecodedPicture& decoded, compass_picture* picture) {
  const size_t bytes = decoded.rgb.bytes.size();
  picture->rgb = static_cast<uint8_t*>(allocate(bytes));
  picture->width = decoded.rgb.size.width;
  picture->height = decoded.rgb.size.height;
  picture->layer = decoded.layer;
  std::copy(decoded.rgb.bytes.begin(), decoded.rgb.bytes.end(), picture->rgb);
}

compass::DecodeSettings decode_settings(const compass_decode_settings& given) {
  compass::DecodeSettings settings;
  if (given.layer != -1) settings.layer = given.layer;
  if (given.size.width != 0 || given.size.height != 0) settings.size = {given.size.width, given.size.height};
  if (given.region_width != 0 || given.region_height != 0) {
    settings.region = {given.region_x, given.region_y, given.region_width, given.region_height};
  }
  settings.strict = given.strict != 0;
  settings.as_bytes = true;
  return settings;
}

}  // namespace

const char* compass_version(void) {
  return COMPASS_VERSION;
}

compass_status compass_model_load(const char* path, compass_model** model, compass_error* error) {
  if (model == nullptr) return missing("model", error);
  *model = nullptr;
  if (path == nullptr) return missing("path", error);
  return guarded(error, [&] { return model_result(compass::Model::load(path), model, error); });
}

compass_status compass_model_parse(const uint8_t* data, size_t size, compass_model** model,
                                   compass_error* error) {
  if (model == nullptr) return missing("model", error);
  *model = nullptr;
  if (data == nullptr) return missing("data", error);
  return guarded(error, [&] {
    return model_result(compass::Model::parse({data, data + size}), model, error);
  });
}

const char* compass_model_name(const compass_model* model) {
  return model->model->name().c_str();
}

void compass_model_id(const compass_model* model, uint8_t id[8]) {
  const compass::ModelId& bytes = model->model->id();
  std::copy(bytes.begin(), bytes.end(), id);
}

void compass_model_free(compass_model* model) {
  delete model;
}

void compass_options_init(compass_options* options) {
  *options = {sizeof *options, 0, COMPASS_AUTO, compass::CodecOptions{}.max_pixels, 0};
}

void compass_encode_settings_init(compass_encode_settings* settings) {
  *settings = {sizeof *settings, compass::EncodeSettings{}.quality, nullptr, 0, COMPASS_EFFORT_DEFAULT};
}

void compass_decode_settings_init(compass_decode_settings* settings) {
  *settings = {sizeof *settings, -1, {0, 0}, 0, 0, 0, 0, 0};
}

void compass_bytes_free(compass_bytes* bytes) {
  if (bytes == nullptr) return;
  std::free(bytes->data);
  *bytes = {nullptr, 0};
}

void compass_picture_free(compass_picture* picture) {
  if (picture == nullptr) return;
  std::free(picture->rgb);
  *picture = {nullptr, 0, 0, 0};
}

compass_status compass_encoder_create(const compass_model* model, const compass_options* options,
                                      compass_encoder** encoder, compass_error* error) {
  if (encoder == nullptr) return missing("encoder", error);
  *encoder = nullptr;
  if (model == nullptr) return missing("model", error);
  return guarded(error, [&] {
    *encoder = new compass_encoder{compass::Encoder(model->model, codec_options(options))};
    return COMPASS_OK;
  });
}

void compass_encoder_free(compass_encoder* encoder) {
  delete encoder;
}

compass_status compass_encode(compass_encoder* encoder, const uint8_t* rgb, int width, int height,
                              size_t stride, const compass_encode_settings* settings, compass_bytes* file,
                              compass_error* error) {
  if (file == nullptr) return missing("file", error);
  *file = {nullptr, 0};
  if (encoder == nullptr) return missing("encoder", error);
  if (rgb == nullptr) return missing("rgb", error);
  if (width < 1 || height < 1) return fail(COMPASS_USAGE, "width and height must be at least 1", error);
  if (stride < static_cast<size_t>(width) * 3)
    return fail(COMPASS_USAGE, "stride must be at least 3 * width", error);
  return guarded(error, [&] {
    const compass_encode_settings given = with_defaults(settings, compass_encode_settings_init);
    const compass::Size size{width, height};
    compass::EncodeSettings wanted;
    wanted.quality = given.quality;
    if (given.effort != COMPASS_EFFORT_DEFAULT) wanted.effort = given.effort;
    if (given.sizes == nullptr) {
      const auto sizes = compass::sizes_from_scales(size, compass::default_scales(3));
      if (!sizes) return fail(sizes.error(), error);
      wanted.sizes = *sizes;
    } else {
      for (size_t i = 0; i < given.size_count; ++i) {
        wanted.sizes.push_back({given.sizes[i].width, given.sizes[i].height});
      }
    }
    const auto encoded = encoder->encoder.encode(compass::Rgb8View{rgb, size, stride}, wanted);
    if (!encoded) return fail(encoded.error(), error);
    file->data = static_cast<uint8_t*>(allocate(encoded->bytes.size()));
    file->size = encoded->bytes.size();
    std::copy(encoded->bytes.begin(), encoded->bytes.end(), file->data);
    return COMPASS_OK;
  });
}

compass_status compass_decoder_create(const compass_model* model, const compass_options* options,
                                      compass_decoder** decoder, compass_error* error) {
  if (decoder == nullptr) return missing("decoder", error);
  *decoder = nullptr;
  if (model == nullptr) return missing("model", error);
  return guarded(error, [&] {
    *decoder = new compass_decoder{compass::Decoder(model->model, codec_options(options))};
    return COMPASS_OK;
  });
}

void compass_decoder_free(compass_decoder* decoder) {
  delete decoder;
}

compass_status compass_decode(compass_decoder* decoder, const uint8_t* data, size_t size,
                              const compass_decode_settings* settings, compass_picture* picture,
                              compass_error* error) {
  if (picture == nullptr) return missing("picture", error);
  *picture = {nullptr, 0, 0, 0};
  if (decoder == nullptr) return missing("decoder", error);
  if (data == nullptr) return missing("data", error);
  return guarded(error, [&] {
    const compass_decode_settings given = with_defaults(settings, compass_decode_settings_init);
    compass::MemorySource source({data, size});
    const auto decoded = decoder->decoder.decode(source, decode_settings(given));
    if (!decoded) return fail(decoded.error(), error);
    fill_picture(*decoded, picture);
    if (decoded->damage.empty()) return COMPASS_OK;
    std::string lost;
    for (const std::string& line : decoded->damage) lost += (lost.empty() ? "" : "; ") + line;
    return fail(COMPASS_DAMAGED, lost.c_str(), error);
  });
}

compass_status compass_read_info(const uint8_t* data, size_t size, compass_info* info, compass_error* error) {
  if (info == nullptr) return missing("info", error);
  *info = {};
  if (data == nullptr) return missing("data", error);
  return guarded(error, [&] {
    const auto parsed = compass::parse_header({data, size});
    if (!parsed) return fail(parsed.error(), error);
    if (!parsed->header) {
      const std::string message =
          "the header is not whole: at least " + std::to_string(parsed->need) + " bytes are needed";
      return fail(COMPASS_DAMAGED, message.c_str(), error);
    }
    const compass::ContainerHeader& header = *parsed->header;
    std::copy(header.model.begin(), header.model.end(), info->model_tag);
    info->layer_count = static_cast<int>(header.layers.size());
    for (size_t k = 0; k < header.layers.size(); ++k) {
      const compass::LayerEntry& layer = header.layers[k];
      info->layers[k] = {layer.size.width, layer.size.height, layer.end()};
    }
    return COMPASS_OK;
  });
}
