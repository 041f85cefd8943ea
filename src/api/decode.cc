// Decoding whole files.
#include <algorithm>
#include <cstdlib>

#include "api/internal.h"
#include "api/output.h"

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
  return settings;
}

}  // namespace compass::api

using namespace compass::api;

namespace {

constexpr int kPixel = 3;  // bytes
constexpr int kDeepPixel = 3 * sizeof(uint16_t);

// A picture on its way to the caller, whose samples are decoded into memory that is the caller's in the end.
class NewPicture {
 public:
  NewPicture() = default;
  NewPicture(const NewPicture&) = delete;
  NewPicture& operator=(const NewPicture&) = delete;
  ~NewPicture() { compass_picture_free(&picture_); }

  std::unique_ptr<compass::PixelSink> sink(const compass::DecodedPicture& about, compass::Size size,
                                           bool deep);
  void set_alpha(const compass::Plane& alpha);
  compass_picture take() { return std::exchange(picture_, {}); }

 private:
  compass_picture picture_{};
};

std::unique_ptr<compass::PixelSink> NewPicture::sink(const compass::DecodedPicture& about, compass::Size size,
                                                     bool deep) {
  picture_.width = size.width;
  picture_.height = size.height;
  picture_.layer = about.layer;
  picture_.x = about.part.x;
  picture_.y = about.part.y;
  picture_.kinds = flags_of(about.kinds);
  compass_output output;
  compass_output_init(&output);
  output.format = deep ? COMPASS_RGB16 : COMPASS_RGB;
  output.size = static_cast<size_t>(size.pixels()) * (deep ? kDeepPixel : kPixel);
  output.pixels = allocate(output.size);
  if (deep) {
    picture_.rgb16 = static_cast<uint16_t*>(output.pixels);
  } else {
    picture_.rgb = static_cast<uint8_t*>(output.pixels);
  }
  return std::move(*Output::create(output, size, about.kinds.grey));
}

void NewPicture::set_alpha(const compass::Plane& alpha) {
  if (alpha.empty()) return;
  picture_.alpha = static_cast<uint8_t*>(allocate(alpha.samples.size()));
  std::ranges::copy(alpha.samples, picture_.alpha);
}

compass_status decode_from(compass_decoder& decoder, compass::ByteSource& source,
                           const compass_decode_settings* settings, compass_picture* picture,
                           compass_error* error) {
  auto wanted = decode_settings(settings);
  if (!wanted) return fail(wanted.error(), error);
  const bool deep = !wanted->as_bytes;
  NewPicture made;
  wanted->sink_pixel_bytes = deep ? kDeepPixel : kPixel;
  wanted->make_sink = [&](const compass::DecodedPicture& about, compass::Size size) {
    return made.sink(about, size, deep);
  };
  auto decoded = decoder.decoder->decode(source, *wanted);
  if (!decoded) return fail(decoded.error(), error);
  made.set_alpha(decoded->alpha);
  decoder.damage = std::move(decoded->damage);
  *picture = made.take();
  return decoder.damage.empty() ? COMPASS_OK : fail(COMPASS_DAMAGED, joined(decoder.damage).c_str(), error);
}

// What both ways to decode begin with; `given` is where the file comes from.
compass_status prepare(compass_decoder* decoder, const void* given, const char* what,
                       compass_picture* picture, compass_error* error) {
  if (picture == nullptr) return missing("picture must not be NULL", error);
  *picture = {};
  if (decoder == nullptr) return missing("decoder must not be NULL", error);
  decoder->damage.clear();
  return given == nullptr ? missing(what, error) : COMPASS_OK;
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
  const compass_status good = prepare(decoder, data, "data must not be NULL", picture, error);
  if (good != COMPASS_OK) return good;
  return guarded(error, [&] {
    compass::MemorySource source({data, size});
    return decode_from(*decoder, source, settings, picture, error);
  });
}

compass_status compass_decode_source(compass_decoder* decoder, const compass_source* source,
                                     const compass_decode_settings* settings, compass_picture* picture,
                                     compass_error* error) {
  const compass_status good = prepare(decoder, source, "source must not be NULL", picture, error);
  if (good != COMPASS_OK) return good;
  return guarded(error, [&] {
    auto read = read_of(*source);
    if (!read) return fail(read.error(), error);
    compass::CallbackSource bytes(*std::move(read));
    return decode_from(*decoder, bytes, settings, picture, error);
  });
}

const char* compass_decoder_damage(const compass_decoder* decoder, size_t line) {
  return decoder == nullptr || line >= decoder->damage.size() ? nullptr : decoder->damage[line].c_str();
}
