#include "model.h"

#include "buffers.h"

namespace compass::python {

compass_decode_settings settings_of(int layer, std::pair<int, int> size, std::array<int, 4> region,
                                    bool strict) {
  compass_decode_settings settings;
  compass_decode_settings_init(&settings);
  settings.layer = layer;
  settings.size = {size.first, size.second};
  settings.region_x = region[0];
  settings.region_y = region[1];
  settings.region_width = region[2];
  settings.region_height = region[3];
  settings.strict = strict ? 1 : 0;
  return settings;
}

Model::Model(const std::string& path) {
  compass_error error{};
  compass_model* model = nullptr;
  compass_status status = COMPASS_OK;
  {
    const py::gil_scoped_release unlocked;
    status = compass_model_load(path.c_str(), &model, &error);
  }
  check(status, error);
  model_.reset(model);
}
py::bytes Model::encode(const py::array& pixels, const Plane& alpha, int kinds,
                        const std::vector<double>& qualities, const Regions& regions,
                        const Plane& quality_map, const Sizes& sizes, int effort, const Metadata& metadata,
                        const Targets& targets, const Limits& limits) {
  const Pixels picture = pixels_of(pixels);
  EncodeSettings settings(kinds, effort);
  settings.set_alpha(alpha, picture);
  settings.set_map(quality_map);
  settings.set_qualities(qualities);
  settings.set_regions(regions);
  settings.set_sizes(sizes);
  settings.set_metadata(metadata);
  settings.set_targets(targets);
  return encoded(picture, settings, limits);
}

py::bytes Model::encoded(const Pixels& pixels, const EncodeSettings& settings, const Limits& limits) {
  compass_bytes file{};
  {
    const py::gil_scoped_release unlocked;
    compass_error error{};
    encoders_.with(compass_encoder_create, model_.get(), limits, [&](compass_encoder* encoder) {
      const compass_status status =
          pixels.deep ? compass_encode16(encoder, static_cast<const uint16_t*>(pixels.first), pixels.width,
                                         pixels.height, pixels.stride, &settings.value(), &file, &error)
                      : compass_encode(encoder, static_cast<const uint8_t*>(pixels.first), pixels.width,
                                       pixels.height, pixels.stride, &settings.value(), &file, &error);
      check(status, error);
    });
  }
  return to_python(file);
}

Model::Decoded Model::decode(const py::buffer& buffer, int layer, std::pair<int, int> size,
                             std::array<int, 4> region, int bits, bool strict, const Limits& limits) {
  const Bytes bytes(buffer);
  compass_decode_settings settings = settings_of(layer, size, region, strict);
  settings.bits = bits;
  compass_picture picture{};
  const std::unique_ptr<compass_picture, Freed<compass_picture_free>> owned(&picture);
  compass_error error{};
  {
    const py::gil_scoped_release unlocked;
    decoders_.with(compass_decoder_create, model_.get(), limits, [&](compass_decoder* decoder) {
      const compass_status status =
          compass_decode(decoder, bytes.data(), bytes.size(), &settings, &picture, &error);
      if (status != COMPASS_DAMAGED || picture.width == 0) check(status, error);
    });
  }
  const std::vector<py::ssize_t> plane{picture.height, picture.width};
  const std::vector<py::ssize_t> shape{picture.height, picture.width, 3};
  py::array pixels = bits == 8 ? take_samples(picture.rgb, shape) : take_samples(picture.rgb16, shape);
  py::object alpha = py::none();
  if (picture.alpha != nullptr) alpha = take_samples(picture.alpha, plane);
  return {std::move(pixels), std::move(alpha), picture.kinds, picture.layer,
          picture.x,         picture.y,        error.message};
}

py::bytes Model::id_by(void (*get)(const compass_model*, uint8_t*)) const {
  std::array<uint8_t, 8> id{};
  get(model_.get(), id.data());
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

}  // namespace compass::python
