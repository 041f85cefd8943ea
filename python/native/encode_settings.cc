#include "encode_settings.h"

namespace compass::python {

Pixels pixels_of(const py::array& pixels) {
  const bool deep = py::isinstance<py::array_t<uint16_t>>(pixels);
  const py::ssize_t sample = deep ? 2 : 1;
  if ((!deep && !py::isinstance<py::array_t<uint8_t>>(pixels)) || pixels.ndim() != 3 ||
      pixels.shape(2) != 3 || pixels.strides(2) != sample || pixels.strides(1) != 3 * sample ||
      (pixels.shape(0) > 1 && pixels.strides(0) < 3 * sample * pixels.shape(1))) {
    throw py::type_error("pixels must be rows of red, green, blue");
  }
  const auto height = static_cast<int>(pixels.shape(0));
  const auto width = static_cast<int>(pixels.shape(1));
  const py::ssize_t stride = height > 1 ? pixels.strides(0) : 3 * sample * width;
  return {pixels.data(), width, height, static_cast<size_t>(stride), deep};
}

EncodeSettings::EncodeSettings(int kinds, int effort) {
  compass_encode_settings_init(&settings_);
  settings_.kinds = kinds;
  settings_.effort = effort;
}

void EncodeSettings::set_alpha(const Plane& alpha, const Pixels& picture) {
  if (!alpha) return;
  if (alpha->ndim() != 2 || alpha->shape(0) != picture.height || alpha->shape(1) != picture.width ||
      !(alpha->flags() & py::array::c_style)) {
    throw py::type_error("alpha must be a plane of the picture's size");
  }
  settings_.alpha = alpha->data();
  settings_.alpha_stride = static_cast<size_t>(alpha->shape(1));
}

void EncodeSettings::set_map(const Plane& map) {
  if (!map) return;
  if (map->ndim() != 2 || !(map->flags() & py::array::c_style)) {
    throw py::type_error("quality_map must be a plane");
  }
  settings_.quality_map = map->data();
  settings_.quality_map_size = {static_cast<int>(map->shape(1)), static_cast<int>(map->shape(0))};
  settings_.quality_map_stride = static_cast<size_t>(map->shape(1));
}

void EncodeSettings::set_qualities(const std::vector<double>& qualities) {
  if (qualities.size() == 1) {
    settings_.quality = qualities.front();
    return;
  }
  settings_.qualities = qualities.data();
  settings_.quality_count = qualities.size();
}

void EncodeSettings::set_regions(const Regions& regions) {
  for (const auto& [x, y, width, height, offset] : regions) regions_.push_back({x, y, width, height, offset});
  settings_.regions = regions_.empty() ? nullptr : regions_.data();
  settings_.region_count = regions_.size();
}

void EncodeSettings::set_sizes(const Sizes& sizes) {
  if (!sizes) return;
  for (const auto& [width, height] : *sizes) layers_.push_back({width, height});
  settings_.sizes = layers_.data();
  settings_.size_count = layers_.size();
}

void EncodeSettings::set_metadata(const Metadata& metadata) {
  for (const auto& [type, bytes] : metadata) {
    metadata_.push_back({type, reinterpret_cast<const uint8_t*>(PyBytes_AS_STRING(bytes.ptr())),
                         static_cast<size_t>(PyBytes_GET_SIZE(bytes.ptr()))});
  }
  settings_.metadata = metadata_.empty() ? nullptr : metadata_.data();
  settings_.metadata_count = metadata_.size();
}

void EncodeSettings::set_targets(const Targets& targets) {
  for (const auto& [kind, value] : targets)
    targets_.push_back({static_cast<compass_target_kind>(kind), value});
  settings_.targets = targets_.empty() ? nullptr : targets_.data();
  settings_.target_count = targets_.size();
}

}  // namespace compass::python
