// Decoding whole files.
#include <cstdlib>

#include "api/internal.h"

namespace compass::api {

Result<DecodeSettings> decode_settings(const compass_decode_settings* wish) {
  const auto given =
      with_defaults(wish, compass_decode_settings_init,
                    offsetof(compass_decode_settings, layer) + sizeof(compass_decode_settings::layer),
                    "compass_decode_settings");
  if (!given) return given.error();
  DecodeSettings settings;
  if (given->layer != -1) settings.layer = given->layer;
  if (given->size.width != 0 || given->size.height != 0)
    settings.size = {given->size.width, given->size.height};
  if (given->region_x != 0 || given->region_y != 0 || given->region_width != 0 || given->region_height != 0) {
    settings.region = {given->region_x, given->region_y, given->region_width, given->region_height};
  }
  settings.strict = given->strict != 0;
  settings.progress = progress_of(given->progress, given->progress_user);
  if (given->bits != 8 && given->bits != 16) return usage(fmt::format("bits {} is not 8 or 16", given->bits));
  settings.as_bytes = given->bits == 8;
  settings.copied = true;
  return settings;
}

}  // namespace compass::api

using namespace compass::api;

namespace {

// Of a grey picture, whose three colours need not be decoded as the same.
template <typename Sample>
void level_colours(std::span<Sample> rgb) {
  for (size_t i = 0; i + 2 < rgb.size(); i += 3) {
    const auto grey = static_cast<Sample>(compass::grey_of(rgb[i], rgb[i + 1], rgb[i + 2]));
    std::fill_n(rgb.begin() + static_cast<ptrdiff_t>(i), 3, grey);
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
  if (decoded.rgb.samples.empty()) {
    picture->rgb16 = static_cast<uint16_t*>(allocate(samples * sizeof(uint16_t)));
    const std::span rgb(picture->rgb16, samples);
    compass::to_rgb16(decoded.image, rgb);
    if (decoded.kinds.grey) level_colours(rgb);
  } else {
    picture->rgb = static_cast<uint8_t*>(allocate(samples));
    const std::span rgb(picture->rgb, samples);
    std::ranges::copy(decoded.rgb.samples, rgb.begin());
    if (decoded.kinds.grey) level_colours(rgb);
  }
  if (decoded.alpha.empty()) return;
  picture->alpha = static_cast<uint8_t*>(allocate(decoded.alpha.samples.size()));
  std::ranges::copy(decoded.alpha.samples, picture->alpha);
}

}  // namespace

void compass_decode_settings_init(compass_decode_settings* settings) {
  if (settings == nullptr) return;
  *settings = {};
  settings->struct_size = sizeof *settings;
  settings->layer = -1;
  settings->bits = 8;
}

void compass_picture_free(compass_picture* picture) {
  if (picture == nullptr) return;
  std::free(picture->rgb);
  std::free(picture->rgb16);
  std::free(picture->alpha);
  *picture = {};
}

compass_status compass_decoder_create(const compass_model* model, const compass_options* options,
                                      compass_decoder** decoder, compass_error* error) {
  if (decoder == nullptr) return missing("decoder must not be NULL", error);
  *decoder = nullptr;
  if (model == nullptr) return missing("model must not be NULL", error);
  return guarded(error, [&] {
    const auto wanted = codec_options(options);
    if (!wanted) return fail(wanted.error(), error);
    *decoder = new compass_decoder{std::make_shared<compass::Decoder>(model->model, *wanted)};
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
    const auto decoded = decoder->decoder->decode(source, *wanted);
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
