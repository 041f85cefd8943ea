// Encoding.
#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "api/internal.h"
#include "codec/quality_regions.h"
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

// Of an array in a struct: its pointer and its count, of which there are `most`.
compass::Status check_array(const char* name, const void* array, size_t count,
                            size_t most = COMPASS_MAX_LAYERS) {
  if ((array == nullptr && count != 0) || (array != nullptr && (count < 1 || count > most))) {
    return usage(fmt::format("{0} has {1} elements and is {2}NULL: 1 to {3} go with an array, 0 with NULL",
                             name, count, array == nullptr ? "" : "not ", most));
  }
  return {};
}

compass::Result<std::vector<compass::QualityRegion>> regions_of(const compass_encode_settings& given,
                                                                compass::Size full) {
  constexpr size_t kMost = 65535;
  if (const auto good = check_array("regions", given.regions, given.region_count, kMost); !good)
    return good.error();
  std::vector<compass::QualityRegion> regions;
  for (size_t i = 0; i < given.region_count; ++i) {
    const compass_quality_region& r = given.regions[i];
    if (r.offset < -COMPASS_MAX_QUALITY_OFFSET || r.offset > COMPASS_MAX_QUALITY_OFFSET) {
      return usage(fmt::format("a region's quality offset of {} is not within {} of 0", r.offset,
                               COMPASS_MAX_QUALITY_OFFSET));
    }
    if (r.x < 0 || r.y < 0 || r.width < 1 || r.height < 1 || r.width > full.width || r.height > full.height ||
        r.x > full.width - r.width || r.y > full.height - r.height) {
      return usage(fmt::format("the region {},{},{},{} does not lie inside the picture, {}x{}", r.x, r.y,
                               r.width, r.height, full.width, full.height));
    }
    regions.push_back({{r.x, r.y, r.width, r.height}, r.offset});
  }
  return regions;
}

// Maps of these layers by what is asked for parts of the picture, whose size is the last one.
compass::Result<std::vector<compass::QualityMap>> maps_of(const compass_encode_settings& given,
                                                          const std::vector<compass::Size>& sizes) {
  static_assert(COMPASS_MAX_QUALITY_OFFSET == compass::kMaxQualityOffset);
  const auto regions = regions_of(given, sizes.back());
  if (!regions) return regions.error();
  const compass::PlaneView map{given.quality_map,
                               {given.quality_map_size.width, given.quality_map_size.height},
                               given.quality_map_stride};
  if (map.empty() && (map.size != compass::Size() || map.stride != 0)) {
    return usage("quality_map is NULL, but has a size or a stride");
  }
  if (!map.empty() && !regions->empty()) return usage("regions and quality_map do not go together");
  if (!map.empty() && (map.size.width < 1 || map.size.height < 1 || !is_possible(map.size, map.stride, 1))) {
    return usage(
        "quality_map must have a size, quality_map_stride be at least its width, and it fit in memory");
  }
  std::vector<compass::QualityMap> maps;
  for (const compass::Size size : sizes) {
    if (!map.empty()) maps.push_back(compass::map_of_mask(map, size));
    if (!regions->empty()) maps.push_back(compass::map_of_regions(*regions, size, sizes.back()));
  }
  return maps;
}

compass::Status give_report(const compass_encode_report& value, compass_encode_report* report) {
  return give(value, report, offsetof(compass_encode_report, effort) + sizeof(compass_encode_report::effort),
              "compass_encode_report");
}

compass_encode_report report_of(const compass::EncodedPicture& encoded) {
  compass_encode_report report;
  compass_encode_report_init(&report);
  report.effort = encoded.effort;
  report.layer_count = static_cast<int>(encoded.layers.size());
  std::ranges::transform(encoded.layers, report.psnr, &compass::EncodedLayer::psnr);
  return report;
}

compass::Result<compass_encode_settings> full_settings(const compass_encode_settings* wish) {
  return with_defaults(wish, compass_encode_settings_init,
                       offsetof(compass_encode_settings, quality) + sizeof(compass_encode_settings::quality),
                       "compass_encode_settings");
}

// The settings for a picture of this size that becomes layers, or `appended` is one.
compass::Result<compass::EncodeSettings> encode_settings(const compass_encode_settings& all,
                                                         compass::Size size, bool appended) {
  const compass_encode_settings* const given = &all;
  static_assert(COMPASS_MAX_EFFORT == compass::kMaxEffort);
  static_assert(COMPASS_HIGH_QUALITY == compass::kHighQuality);
  compass::EncodeSettings settings;
  settings.quality = given->quality;
  settings.measure = given->measure != 0;
  int tune = 0;  // the caller may have put any number there
  std::memcpy(&tune, &given->tune, sizeof tune);
  if (tune != COMPASS_TUNE_ERROR && tune != COMPASS_TUNE_VISUAL) {
    return usage(fmt::format("tune {} is none of compass_tune's", tune));
  }
  settings.tune = tune == COMPASS_TUNE_VISUAL ? compass::Tune::kVisual : compass::Tune::kError;
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
  if (const auto good = check_array("qualities", given->qualities, given->quality_count); !good)
    return good.error();
  settings.layer_qualities.assign(given->qualities, given->qualities + given->quality_count);
  if (settings.sizes.empty() && !appended) {
    auto sizes = compass::sizes_from_scales(size, compass::default_scales(3));
    if (!sizes) return sizes.error();
    settings.sizes = *std::move(sizes);
  }
  if (!appended) {  // before maps of these sizes are made
    if (const auto good = compass::check_sizes(settings.sizes, size); !good) return good.error();
  }
  auto maps = maps_of(*given, appended || settings.sizes.back() != size ? std::vector{size} : settings.sizes);
  if (!maps) return maps.error();
  settings.quality_maps = *std::move(maps);
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
                       const compass_encode_settings* settings, bool appended, compass_bytes* file,
                       compass_error* error, const Encode& encode) {
  if (file == nullptr) return missing("file must not be NULL", error);
  *file = {nullptr, 0};
  if (encoder == nullptr) return missing("encoder must not be NULL", error);
  if (pixels.rgb == nullptr) return missing("rgb must not be NULL", error);
  if (pixels.size.width < 1 || pixels.size.height < 1) {
    return fail(COMPASS_USAGE, "width and height must be at least 1", error);
  }
  constexpr size_t kPixel = 3 * sizeof(Sample);
  if (!is_possible(pixels.size, pixels.stride, kPixel) || pixels.stride % sizeof(Sample) != 0) {
    return guarded(error, [&] {
      return fail(
          usage(fmt::format(
              "stride must be at least {} * width, whole samples, and the picture fit in memory", kPixel)),
          error);
    });
  }
  return guarded(error, [&] {
    const auto given = full_settings(settings);
    if (!given) return fail(given.error(), error);
    compass_encode_report* const report = given->report;
    if (report != nullptr) {
      compass_encode_report none;
      compass_encode_report_init(&none);
      if (const auto good = give_report(none, report); !good) return fail(good.error(), error);
    }
    auto wanted = encode_settings(*given, pixels.size, appended);
    if (!wanted) return fail(wanted.error(), error);
    wanted->kinds.deep = sizeof(Sample) > 1;
    const compass::Result<compass::EncodedPicture> made =
        encode(View{pixels.rgb, pixels.size, pixels.stride / sizeof(Sample)}, *wanted);
    if (!made) return fail(made.error(), error);
    fill_bytes(made->bytes, file);
    if (report != nullptr && !give_report(report_of(*made), report)) return COMPASS_FAILURE;  // it was good
    return COMPASS_OK;
  });
}

template <typename View, typename Sample>
compass_status encode_samples(compass_encoder* encoder, const Pixels<View, Sample>& pixels,
                              const compass_encode_settings* settings, compass_bytes* file,
                              compass_error* error) {
  const auto encode = [&](const View& picture, const compass::EncodeSettings& wanted) {
    return encoder->encoder.encode(picture, wanted);
  };
  return encoded(encoder, pixels, settings, /*appended=*/false, file, error, encode);
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
  return encoded(encoder, pixels, settings, /*appended=*/true, file, error, append);
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

void compass_encode_report_init(compass_encode_report* report) {
  if (report == nullptr) return;
  *report = {};
  report->struct_size = sizeof *report;
  std::ranges::fill(report->psnr, std::numeric_limits<double>::quiet_NaN());
}

compass_status compass_sizes_from_scales(compass_size full, const double* scales, size_t count,
                                         compass_size* sizes, compass_error* error) {
  if (scales == nullptr) return missing("scales must not be NULL", error);
  if (sizes == nullptr) return missing("sizes must not be NULL", error);
  if (full.width < 1 || full.height < 1)
    return fail(COMPASS_USAGE, "the full size must be at least 1x1", error);
  return guarded(error, [&] {
    const auto found = compass::sizes_from_scales({full.width, full.height}, {scales, count});
    if (!found) return fail(found.error(), error);
    std::ranges::transform(*found, sizes, [](compass::Size s) { return compass_size{s.width, s.height}; });
    return COMPASS_OK;
  });
}

compass_status compass_encoder_create(const compass_model* model, const compass_options* options,
                                      compass_encoder** encoder, compass_error* error) {
  if (encoder == nullptr) return missing("encoder must not be NULL", error);
  *encoder = nullptr;
  if (model == nullptr) return missing("model must not be NULL", error);
  return guarded(error, [&] {
    const auto wanted = codec_options(options);
    if (!wanted) return fail(wanted.error(), error);
    if (const auto whole = compass::check_encodes(*model->model); !whole) return fail(whole.error(), error);
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
