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
  settings.as_bytes = true;
  settings.copied = true;
  return settings;
}

}  // namespace compass::api

using namespace compass::api;

namespace {

void fill_picture(const compass::DecodedPicture& decoded, compass_picture* picture) {
  const size_t bytes = decoded.rgb.bytes.size();
  picture->rgb = static_cast<uint8_t*>(allocate(bytes));
  picture->width = decoded.rgb.size.width;
  picture->height = decoded.rgb.size.height;
  picture->layer = decoded.layer;
  picture->x = decoded.part.x;
  picture->y = decoded.part.y;
  std::copy(decoded.rgb.bytes.begin(), decoded.rgb.bytes.end(), picture->rgb);
  if (decoded.alpha.empty()) return;
  picture->alpha = static_cast<uint8_t*>(allocate(decoded.alpha.samples.size()));
  std::copy(decoded.alpha.samples.begin(), decoded.alpha.samples.end(), picture->alpha);
}

}  // namespace

void compass_decode_settings_init(compass_decode_settings* settings) {
  if (settings == nullptr) return;
  *settings = {sizeof *settings, -1, {0, 0}, 0, 0, 0, 0, 0, nullptr, nullptr};
}

void compass_picture_free(compass_picture* picture) {
  if (picture == nullptr) return;
  std::free(picture->rgb);
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
    fill_picture(*decoded, picture);
    if (decoded->damage.empty()) return COMPASS_OK;
    std::string lost;
    for (const std::string& line : decoded->damage) lost += (lost.empty() ? "" : "; ") + line;
    return fail(COMPASS_DAMAGED, lost.c_str(), error);
  });
}
