// The C interface: translates between plain structs and the library, and stops exceptions.
#include "compass/compass.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bitstream/container.h"
#include "codec/decoder.h"
#include "codec/encoder.h"
#include "core/memory.h"
#include "core/thread_pool.h"
#include "image/image.h"
#include "model_file/model.h"

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

// A pointer that `what` says must not be NULL.
compass_status missing(const char* what, compass_error* error) {
  return fail(COMPASS_USAGE, what, error);
}

compass::Error usage(std::string message) {
  return {ErrorCode::kUsage, std::move(message)};
}

// Runs `body`, which returns a compass_status; no exception passes. Without exceptions, failures that are not
// values end the program.
template <typename Body>
compass_status guarded(compass_error* error, Body body) noexcept {
#ifdef __cpp_exceptions
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return fail(COMPASS_FAILURE, "out of memory", error);
  } catch (const std::exception& exception) {
    return fail(COMPASS_FAILURE, exception.what(), error);
  } catch (...) {
    return fail(COMPASS_FAILURE, "unknown failure", error);
  }
#else
  (void)error;
  return body();
#endif
}

// The caller's struct, which an older or newer header may have laid out shorter or longer, over the defaults.
// `least` is where the first setting ends. Errors: kUsage, if the size cannot be that of any header's struct.
template <typename Struct>
compass::Result<Struct> with_defaults(const Struct* given, void (*init)(Struct*), size_t least,
                                      const char* name) {
  constexpr size_t kMost = 4096;  // no struct of this interface will ever be longer
  Struct settings;
  init(&settings);
  if (given == nullptr) return settings;
  if (given->struct_size < least || given->struct_size > kMost) {
    return usage(fmt::format("{0}: struct_size is {1}: fill the struct in with {0}_init first", name,
                             given->struct_size));
  }
  std::memcpy(static_cast<void*>(&settings), given, std::min(given->struct_size, sizeof settings));
  return settings;
}

compass::Result<compass::Precision> precision_of(const compass_options& options) {
  int value = 0;  // the caller may have put any number there, which is not one of the enumeration's
  static_assert(sizeof options.precision == sizeof value);
  std::memcpy(&value, &options.precision, sizeof value);
  switch (value) {
    case COMPASS_AUTO:
      return compass::Precision::kAuto;
    case COMPASS_F32:
      return compass::Precision::kF32;
    case COMPASS_BF16:
      return compass::Precision::kBF16;
    case COMPASS_EXACT:
      return compass::Precision::kExact;
    default:
      return usage(fmt::format(
          "precision {} is none of COMPASS_AUTO, COMPASS_F32, COMPASS_BF16, COMPASS_EXACT", value));
  }
}

compass::Result<compass::CodecOptions> codec_options(const compass_options* given) {
  static_assert(COMPASS_MAX_THREADS == compass::kMaxThreads);
  const auto options =
      with_defaults(given, compass_options_init,
                    offsetof(compass_options, threads) + sizeof(compass_options::threads), "compass_options");
  if (!options) return options.error();
  if (options->threads < 0 || options->threads > compass::kMaxThreads) {
    return usage(fmt::format("threads {} is not 1 to {}, or 0 for one per core", options->threads,
                             compass::kMaxThreads));
  }
  const auto precision = precision_of(*options);
  if (!precision) return precision.error();
  compass::CodecOptions out;
  out.threads = options->threads;
  out.precision = *precision;
  out.max_pixels = options->max_pixels;
  out.max_memory = options->max_memory;
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
  if (memory == nullptr) compass::out_of_memory();
  return memory;
}

void fill_bytes(std::span<const uint8_t> from, compass_bytes* bytes) {
  bytes->data = static_cast<uint8_t*>(allocate(from.size()));
  bytes->size = from.size();
  std::ranges::copy(from, bytes->data);
}

int flags_of(const compass::PictureKinds& kinds) {
  return (kinds.alpha ? COMPASS_ALPHA : 0) | (kinds.grey ? COMPASS_GREY : 0) |
         (kinds.deep ? COMPASS_DEEP : 0) | (kinds.own_colours ? COMPASS_OWN_COLOURS : 0);
}

// Of a grey picture, whose three colours need not be decoded as the same.
template <typename Sample>
void level_colours(std::span<Sample> rgb) {
  for (size_t i = 0; i + 2 < rgb.size(); i += 3) {
    const uint32_t sum = uint32_t{rgb[i]} + rgb[i + 1] + rgb[i + 2];
    std::fill_n(rgb.begin() + static_cast<ptrdiff_t>(i), 3, static_cast<Sample>((sum + 1) / 3));
  }
}

void fill_picture(const compass::DecodedPicture& decoded, compass_picture* picture) {
  const compass::Size size = decoded.size();
  picture->width = size.width;
  picture->height = size.height;
  picture->layer = decoded.layer;
  picture->x = decoded.part.x;
  picture->y = decoded.part.y;
  picture->kinds = flags_of(decoded.kinds);
  const size_t samples = static_cast<size_t>(size.pixels()) * 3;
  if (decoded.rgb.bytes.empty()) {
    picture->rgb16 = static_cast<uint16_t*>(allocate(samples * sizeof(uint16_t)));
    const std::span rgb(picture->rgb16, samples);
    compass::to_rgb16(decoded.image, rgb);
    if (decoded.kinds.grey) level_colours(rgb);
  } else {
    picture->rgb = static_cast<uint8_t*>(allocate(samples));
    const std::span rgb(picture->rgb, samples);
    std::ranges::copy(decoded.rgb.bytes, rgb.begin());
    if (decoded.kinds.grey) level_colours(rgb);
  }
  if (decoded.alpha.empty()) return;
  picture->alpha = static_cast<uint8_t*>(allocate(decoded.alpha.samples.size()));
  std::ranges::copy(decoded.alpha.samples, picture->alpha);
}

compass::Result<compass::DecodeSettings> decode_settings(const compass_decode_settings* wish) {
  const auto given =
      with_defaults(wish, compass_decode_settings_init,
                    offsetof(compass_decode_settings, layer) + sizeof(compass_decode_settings::layer),
                    "compass_decode_settings");
  if (!given) return given.error();
  compass::DecodeSettings settings;
  if (given->layer != -1) settings.layer = given->layer;
  if (given->size.width != 0 || given->size.height != 0)
    settings.size = {given->size.width, given->size.height};
  if (given->region_x != 0 || given->region_y != 0 || given->region_width != 0 || given->region_height != 0) {
    settings.region = {given->region_x, given->region_y, given->region_width, given->region_height};
  }
  settings.strict = given->strict != 0;
  if (given->bits != 8 && given->bits != 16) return usage(fmt::format("bits {} is not 8 or 16", given->bits));
  settings.as_bytes = given->bits == 8;
  settings.copied = true;
  return settings;
}

// Whether rows of pixels that lie `stride` apart can be told from each other, and be in memory at all.
bool is_possible(compass::Size size, size_t stride, size_t pixel_bytes) {
  const size_t row = static_cast<size_t>(size.width) * pixel_bytes;
  const auto most = static_cast<size_t>(std::numeric_limits<ptrdiff_t>::max());
  return stride >= row &&
         (size.height == 1 || stride <= (most - row) / (static_cast<size_t>(size.height) - 1));
}

compass::Result<std::vector<compass::MetadataChunk>> metadata_of(const compass_encode_settings& given) {
  std::vector<compass::MetadataChunk> chunks;
  if (given.metadata == nullptr && given.metadata_count != 0) {
    return usage(fmt::format("metadata_count is {}, but metadata is NULL", given.metadata_count));
  }
  if (given.metadata_count > compass::kMaxMetadataCount) {
    return usage(
        fmt::format("metadata_count {} is not 0 to {}", given.metadata_count, compass::kMaxMetadataCount));
  }
  for (size_t i = 0; i < given.metadata_count; ++i) {
    const compass_metadata& one = given.metadata[i];
    if (one.data == nullptr && one.size != 0) return usage(fmt::format("metadata {}: data is NULL", i));
    for (size_t before = 0; before < i; ++before) {
      if (given.metadata[before].type == one.type) {
        return usage(fmt::format("metadata {} and {} are of the same type, {}", before, i, one.type));
      }
    }
    chunks.push_back({one.type, {one.data, one.data + one.size}});
  }
  return chunks;
}

compass::Result<compass::EncodeSettings> encode_settings(const compass_encode_settings* wish,
                                                         compass::Size size) {
  const auto given =
      with_defaults(wish, compass_encode_settings_init,
                    offsetof(compass_encode_settings, quality) + sizeof(compass_encode_settings::quality),
                    "compass_encode_settings");
  if (!given) return given.error();
  compass::EncodeSettings settings;
  settings.quality = given->quality;
  if (given->effort != COMPASS_EFFORT_DEFAULT) settings.effort = given->effort;
  if (given->alpha != nullptr) {
    if (!is_possible(size, given->alpha_stride, 1)) {
      return usage("alpha_stride must be at least the width, and the plane fit in memory");
    }
    settings.alpha = {given->alpha, size, given->alpha_stride};
  } else if (given->alpha_stride != 0) {
    return usage(fmt::format("alpha_stride is {}, but alpha is NULL", given->alpha_stride));
  }
  auto metadata = metadata_of(*given);
  if (!metadata) return metadata.error();
  settings.metadata = *std::move(metadata);
  if ((given->kinds & ~(COMPASS_GREY | COMPASS_OWN_COLOURS)) != 0) {
    return usage(fmt::format(
        "kinds {} is none of COMPASS_GREY and COMPASS_OWN_COLOURS: others are told from the picture",
        given->kinds));
  }
  settings.kinds.grey = (given->kinds & COMPASS_GREY) != 0;
  settings.kinds.own_colours = (given->kinds & COMPASS_OWN_COLOURS) != 0;
  if (given->sizes == nullptr) {
    if (given->size_count != 0) {
      return usage(fmt::format("size_count is {}, but sizes is NULL", given->size_count));
    }
    auto sizes = compass::sizes_from_scales(size, compass::default_scales(3));
    if (!sizes) return sizes.error();
    settings.sizes = *std::move(sizes);
    return settings;
  }
  if (given->size_count < 1 || given->size_count > COMPASS_MAX_LAYERS) {
    return usage(fmt::format("size_count {} is not 1 to {}", given->size_count, COMPASS_MAX_LAYERS));
  }
  for (size_t i = 0; i < given->size_count; ++i) {
    settings.sizes.push_back({given->sizes[i].width, given->sizes[i].height});
  }
  return settings;
}

// A header, whatever the size of its picture: nothing is allocated for pixels.
compass::Result<compass::HeaderParse> parse_any_header(std::span<const uint8_t> bytes) {
  compass::ContainerLimits limits;
  limits.max_pixels = std::numeric_limits<uint64_t>::max();
  return compass::parse_header(bytes, limits);
}

}  // namespace

const char* compass_version(void) {
  return COMPASS_VERSION;
}

compass_status compass_model_load(const char* path, compass_model** model, compass_error* error) {
  if (model == nullptr) return missing("model must not be NULL", error);
  *model = nullptr;
  if (path == nullptr) return missing("path must not be NULL", error);
  return guarded(error, [&] { return model_result(compass::Model::load(path), model, error); });
}

compass_status compass_model_parse(const uint8_t* data, size_t size, compass_model** model,
                                   compass_error* error) {
  if (model == nullptr) return missing("model must not be NULL", error);
  *model = nullptr;
  if (data == nullptr) return missing("data must not be NULL", error);
  return guarded(error, [&] {
    return model_result(compass::Model::parse({data, data + size}), model, error);
  });
}

const char* compass_model_name(const compass_model* model) {
  return model == nullptr ? nullptr : model->model->name().c_str();
}

void compass_model_id(const compass_model* model, uint8_t id[8]) {
  if (id == nullptr) return;
  const compass::ModelId bytes = model == nullptr ? compass::ModelId{} : model->model->id();
  std::copy(bytes.begin(), bytes.end(), id);
}

void compass_model_decoder_id(const compass_model* model, uint8_t id[8]) {
  if (id == nullptr) return;
  const compass::DecoderId bytes = model == nullptr ? compass::DecoderId{} : model->model->decoder_id();
  std::copy(bytes.begin(), bytes.end(), id);
}

void compass_model_free(compass_model* model) {
  delete model;
}

void compass_options_init(compass_options* options) {
  if (options == nullptr) return;
  *options = {sizeof *options, 0, COMPASS_AUTO, compass::CodecOptions{}.max_pixels, 0};
}

void compass_encode_settings_init(compass_encode_settings* settings) {
  if (settings == nullptr) return;
  *settings = {};
  settings->struct_size = sizeof *settings;
  settings->quality = compass::EncodeSettings{}.quality;
  settings->effort = COMPASS_EFFORT_DEFAULT;
}

void compass_decode_settings_init(compass_decode_settings* settings) {
  if (settings == nullptr) return;
  *settings = {};
  settings->struct_size = sizeof *settings;
  settings->layer = -1;
  settings->bits = 8;
}

void compass_bytes_free(compass_bytes* bytes) {
  if (bytes == nullptr) return;
  std::free(bytes->data);
  *bytes = {nullptr, 0};
}

void compass_picture_free(compass_picture* picture) {
  if (picture == nullptr) return;
  std::free(picture->rgb);
  std::free(picture->rgb16);
  std::free(picture->alpha);
  *picture = {};
}

compass_status compass_encoder_create(const compass_model* model, const compass_options* options,
                                      compass_encoder** encoder, compass_error* error) {
  if (encoder == nullptr) return missing("encoder must not be NULL", error);
  *encoder = nullptr;
  if (model == nullptr) return missing("model must not be NULL", error);
  return guarded(error, [&] {
    const auto wanted = codec_options(options);
    if (!wanted) return fail(wanted.error(), error);
    *encoder = new compass_encoder{compass::Encoder(model->model, *wanted)};
    return COMPASS_OK;
  });
}

void compass_encoder_free(compass_encoder* encoder) {
  delete encoder;
}

namespace {

// `View` is the library's view of rows of such samples.
template <typename View, typename Sample>
compass_status encode_samples(compass_encoder* encoder, const Sample* rgb, compass::Size size, size_t stride,
                              const compass_encode_settings* settings, compass_bytes* file,
                              compass_error* error) {
  if (file == nullptr) return missing("file must not be NULL", error);
  *file = {nullptr, 0};
  if (encoder == nullptr) return missing("encoder must not be NULL", error);
  if (rgb == nullptr) return missing("rgb must not be NULL", error);
  if (size.width < 1 || size.height < 1) {
    return fail(COMPASS_USAGE, "width and height must be at least 1", error);
  }
  constexpr size_t kPixel = 3 * sizeof(Sample);
  if (!is_possible(size, stride, kPixel) || stride % sizeof(Sample) != 0) {
    const std::string message = fmt::format(
        "stride must be at least {} * width, whole samples, and the picture fit in memory", kPixel);
    return fail(COMPASS_USAGE, message.c_str(), error);
  }
  return guarded(error, [&] {
    auto wanted = encode_settings(settings, size);
    if (!wanted) return fail(wanted.error(), error);
    wanted->kinds.deep = sizeof(Sample) > 1;
    const auto encoded = encoder->encoder.encode(View{rgb, size, stride / sizeof(Sample)}, *wanted);
    if (!encoded) return fail(encoded.error(), error);
    fill_bytes(encoded->bytes, file);
    return COMPASS_OK;
  });
}

}  // namespace

compass_status compass_encode(compass_encoder* encoder, const uint8_t* rgb, int width, int height,
                              size_t stride, const compass_encode_settings* settings, compass_bytes* file,
                              compass_error* error) {
  return encode_samples<compass::Rgb8View>(encoder, rgb, {width, height}, stride, settings, file, error);
}

compass_status compass_encode16(compass_encoder* encoder, const uint16_t* rgb, int width, int height,
                                size_t stride, const compass_encode_settings* settings, compass_bytes* file,
                                compass_error* error) {
  return encode_samples<compass::Rgb16View>(encoder, rgb, {width, height}, stride, settings, file, error);
}

compass_status compass_decoder_create(const compass_model* model, const compass_options* options,
                                      compass_decoder** decoder, compass_error* error) {
  if (decoder == nullptr) return missing("decoder must not be NULL", error);
  *decoder = nullptr;
  if (model == nullptr) return missing("model must not be NULL", error);
  return guarded(error, [&] {
    const auto wanted = codec_options(options);
    if (!wanted) return fail(wanted.error(), error);
    *decoder = new compass_decoder{compass::Decoder(model->model, *wanted)};
    return COMPASS_OK;
  });
}

void compass_decoder_free(compass_decoder* decoder) {
  delete decoder;
}

compass_status compass_decode(compass_decoder* decoder, const uint8_t* data, size_t size,
                              const compass_decode_settings* settings, compass_picture* picture,
                              compass_error* error) {
  if (picture == nullptr) return missing("picture must not be NULL", error);
  *picture = {};
  if (decoder == nullptr) return missing("decoder must not be NULL", error);
  if (data == nullptr) return missing("data must not be NULL", error);
  return guarded(error, [&] {
    const auto wanted = decode_settings(settings);
    if (!wanted) return fail(wanted.error(), error);
    compass::MemorySource source({data, size});
    const auto decoded = decoder->decoder.decode(source, *wanted);
    if (!decoded) return fail(decoded.error(), error);
    compass_picture made{};
    const std::unique_ptr<compass_picture, void (*)(compass_picture*)> owner(&made, compass_picture_free);
    fill_picture(*decoded, &made);
    *picture = std::exchange(made, {});
    if (decoded->damage.empty()) return COMPASS_OK;
    std::string lost;
    for (const std::string& line : decoded->damage) lost += (lost.empty() ? "" : "; ") + line;
    return fail(COMPASS_DAMAGED, lost.c_str(), error);
  });
}

compass_status compass_read_info(const uint8_t* data, size_t size, compass_info* info, compass_error* error) {
  if (info == nullptr) return missing("info must not be NULL", error);
  *info = {};
  if (data == nullptr) return missing("data must not be NULL", error);
  return guarded(error, [&] {
    const auto parsed = parse_any_header({data, size});
    if (!parsed) return fail(parsed.error(), error);
    if (!parsed->header) {
      info->need = parsed->need;
      const std::string message =
          "the header is not whole: at least " + std::to_string(parsed->need) + " bytes are needed";
      return fail(COMPASS_DAMAGED, message.c_str(), error);
    }
    const compass::ContainerHeader& header = *parsed->header;
    std::copy(header.decoder.begin(), header.decoder.end(), info->decoder_id);
    info->minor_version = header.minor_version;
    info->kinds = flags_of(header.kinds);
    info->layer_count = static_cast<int>(header.layers.size());
    for (size_t k = 0; k < header.layers.size(); ++k) {
      const compass::LayerEntry& layer = header.layers[k];
      info->layers[k] = {layer.size.width, layer.size.height, layer.quality / 10.0, layer.offset,
                         layer.end()};
    }
    return COMPASS_OK;
  });
}

compass_status compass_read_metadata(const uint8_t* data, size_t size, uint32_t type, compass_bytes* bytes,
                                     compass_error* error) {
  if (bytes == nullptr) return missing("bytes must not be NULL", error);
  *bytes = {nullptr, 0};
  if (data == nullptr) return missing("data must not be NULL", error);
  return guarded(error, [&] {
    const auto parsed = parse_any_header({data, size});
    if (!parsed) return fail(parsed.error(), error);
    if (!parsed->header) return fail(COMPASS_DAMAGED, "ends inside the header", error);
    const compass::ContainerHeader& header = *parsed->header;
    if (size < header.bytes + header.metadata_bytes()) {
      return fail(COMPASS_DAMAGED, "ends inside the metadata", error);
    }
    const auto chunks = compass::read_metadata(header, {data + header.bytes, header.metadata_bytes()});
    if (!chunks) return fail(chunks.error(), error);
    const auto found = std::ranges::find(*chunks, type, &compass::MetadataChunk::type);
    if (found != chunks->end()) fill_bytes(found->bytes, bytes);
    return COMPASS_OK;
  });
}
