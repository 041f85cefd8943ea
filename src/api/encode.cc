// Encoding.
#include <optional>
#include <vector>

#include "api/internal.h"
#include "image/image.h"

using namespace compass::api;

namespace {

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

compass::Result<compass::Target> target_of(const compass_target& given) {
  int kind = 0;  // the caller may have put any number there
  std::memcpy(&kind, &given.kind, sizeof kind);
  switch (kind) {
    case COMPASS_TARGET_BYTES:
      return compass::Target{compass::Target::Kind::kBytes, given.value};
    case COMPASS_TARGET_BPP:
      return compass::Target{compass::Target::Kind::kBitsPerPixel, given.value};
    case COMPASS_TARGET_PSNR:
      return compass::Target{compass::Target::Kind::kPsnr, given.value};
    default:
      return usage(fmt::format("target kind {} is none of compass_target_kind's", kind));
  }
}

// Of an array in a struct: its pointer and its count.
compass::Status check_array(const char* name, const void* array, size_t count) {
  if ((array == nullptr && count != 0) || (array != nullptr && (count < 1 || count > COMPASS_MAX_LAYERS))) {
    return usage(fmt::format("{0} has {1} elements and is {2}NULL: 1 to {3} go with an array, 0 with NULL",
                             name, count, array == nullptr ? "" : "not ", COMPASS_MAX_LAYERS));
  }
  return {};
}

// Settings whose sizes, if there are none, stay empty.
compass::Result<compass::EncodeSettings> encode_settings(const compass_encode_settings* wish,
                                                         compass::Size size) {
  const auto given =
      with_defaults(wish, compass_encode_settings_init,
                    offsetof(compass_encode_settings, quality) + sizeof(compass_encode_settings::quality),
                    "compass_encode_settings");
  if (!given) return given.error();
  compass::EncodeSettings settings;
  settings.quality = given->quality;
  settings.progress = progress_of(given->progress, given->progress_user);
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
  if (const auto good = check_array("sizes", given->sizes, given->size_count); !good) return good.error();
  for (size_t i = 0; i < given->size_count; ++i) {
    settings.sizes.push_back({given->sizes[i].width, given->sizes[i].height});
  }
  if (const auto good = check_array("targets", given->targets, given->target_count); !good)
    return good.error();
  for (size_t i = 0; i < given->target_count; ++i) {
    const auto target = target_of(given->targets[i]);
    if (!target) return target.error();
    settings.targets.push_back(*target);
  }
  return settings;
}

// `View` is the library's view of rows of such samples.
template <typename View, typename Sample>
struct Pixels {
  const Sample* rgb;
  compass::Size size;
  size_t stride;  // bytes
};

// What every way to encode has in common: encode(picture, settings) makes the file.
template <typename View, typename Sample, typename Encode>
compass_status encoded(compass_encoder* encoder, const Pixels<View, Sample>& pixels,
                       const compass_encode_settings* settings, compass_bytes* file, compass_error* error,
                       const Encode& encode) {
  if (file == nullptr) return missing("file must not be NULL", error);
  *file = {nullptr, 0};
  if (encoder == nullptr) return missing("encoder must not be NULL", error);
  if (pixels.rgb == nullptr) return missing("rgb must not be NULL", error);
  if (pixels.size.width < 1 || pixels.size.height < 1) {
    return fail(COMPASS_USAGE, "width and height must be at least 1", error);
  }
  constexpr size_t kPixel = 3 * sizeof(Sample);
  if (!is_possible(pixels.size, pixels.stride, kPixel) || pixels.stride % sizeof(Sample) != 0) {
    const std::string message = fmt::format(
        "stride must be at least {} * width, whole samples, and the picture fit in memory", kPixel);
    return fail(COMPASS_USAGE, message.c_str(), error);
  }
  return guarded(error, [&] {
    auto wanted = encode_settings(settings, pixels.size);
    if (!wanted) return fail(wanted.error(), error);
    wanted->kinds.deep = sizeof(Sample) > 1;
    const compass::Result<compass::EncodedPicture> made =
        encode(View{pixels.rgb, pixels.size, pixels.stride / sizeof(Sample)}, *wanted);
    if (!made) return fail(made.error(), error);
    fill_bytes(made->bytes, file);
    return COMPASS_OK;
  });
}

template <typename View, typename Sample>
compass_status encode_samples(compass_encoder* encoder, const Pixels<View, Sample>& pixels,
                              const compass_encode_settings* settings, compass_bytes* file,
                              compass_error* error) {
  const auto encode = [&](const View& picture,
                          compass::EncodeSettings& wanted) -> compass::Result<compass::EncodedPicture> {
    if (wanted.sizes.empty()) {
      auto sizes = compass::sizes_from_scales(picture.size, compass::default_scales(3));
      if (!sizes) return sizes.error();
      wanted.sizes = *std::move(sizes);
    }
    return encoder->encoder.encode(picture, wanted);
  };
  return encoded(encoder, pixels, settings, file, error, encode);
}

template <typename View, typename Sample>
compass_status append_samples(compass_encoder* encoder, std::span<const uint8_t> before,
                              const Pixels<View, Sample>& pixels, const compass_encode_settings* settings,
                              compass_bytes* file, compass_error* error) {
  if (file != nullptr) *file = {nullptr, 0};
  if (before.data() == nullptr) return missing("data must not be NULL", error);
  const auto append = [&](const View& picture, const compass::EncodeSettings& wanted) {
    return encoder->encoder.append(before, picture, wanted);
  };
  return encoded(encoder, pixels, settings, file, error, append);
}

using Pixels8 = Pixels<compass::Rgb8View, uint8_t>;
using Pixels16 = Pixels<compass::Rgb16View, uint16_t>;

}  // namespace

void compass_encode_settings_init(compass_encode_settings* settings) {
  if (settings == nullptr) return;
  *settings = {};
  settings->struct_size = sizeof *settings;
  settings->quality = compass::EncodeSettings{}.quality;
  settings->effort = COMPASS_EFFORT_DEFAULT;
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

compass_status compass_encode(compass_encoder* encoder, const uint8_t* rgb, int width, int height,
                              size_t stride, const compass_encode_settings* settings, compass_bytes* file,
                              compass_error* error) {
  return encode_samples(encoder, Pixels8{rgb, {width, height}, stride}, settings, file, error);
}

compass_status compass_encode16(compass_encoder* encoder, const uint16_t* rgb, int width, int height,
                                size_t stride, const compass_encode_settings* settings, compass_bytes* file,
                                compass_error* error) {
  return encode_samples(encoder, Pixels16{rgb, {width, height}, stride}, settings, file, error);
}

compass_status compass_append(compass_encoder* encoder, const uint8_t* data, size_t size, const uint8_t* rgb,
                              int width, int height, size_t stride, const compass_encode_settings* settings,
                              compass_bytes* file, compass_error* error) {
  return append_samples(encoder, {data, size}, Pixels8{rgb, {width, height}, stride}, settings, file, error);
}

compass_status compass_append16(compass_encoder* encoder, const uint8_t* data, size_t size,
                                const uint16_t* rgb, int width, int height, size_t stride,
                                const compass_encode_settings* settings, compass_bytes* file,
                                compass_error* error) {
  return append_samples(encoder, {data, size}, Pixels16{rgb, {width, height}, stride}, settings, file, error);
}
