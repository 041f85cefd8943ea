// What Python says of a picture to be encoded, as the C interface wants to know it.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "compass/compass.h"

namespace compass::python {

namespace py = pybind11;

using Plane = std::optional<py::array_t<uint8_t>>;  // [H,W], contiguous, or none
using Sizes = std::optional<std::vector<std::pair<int, int>>>;
using Metadata = std::vector<std::pair<uint32_t, py::bytes>>;
using Regions = std::vector<std::array<int, 5>>;      // x, y, width, height, offset
using Targets = std::vector<std::pair<int, double>>;  // compass_target_kind, value

// Samples in memory: rows of red, green, blue.
struct Pixels {
  const void* first;
  int width;
  int height;
  size_t stride;  // bytes
  bool deep;      // 16 bits
};

// Of an array [H,W,3] of 8 or 16 bits. Throws py::type_error unless its rows are contiguous.
Pixels pixels_of(const py::array& pixels);

// Refers to what it was given, which must outlive it.
class EncodeSettings {
 public:
  EncodeSettings(int kinds, int effort);
  EncodeSettings(const EncodeSettings&) = delete;
  EncodeSettings& operator=(const EncodeSettings&) = delete;

  // Throw py::type_error for planes that are not in rows or not of the picture's size.
  void set_alpha(const Plane& alpha, const Pixels& picture);
  void set_map(const Plane& map);
  void set_qualities(const std::vector<double>& qualities);
  void set_regions(const Regions& regions);
  void set_sizes(const Sizes& sizes);
  void set_metadata(const Metadata& metadata);
  void set_targets(const Targets& targets);

  const compass_encode_settings& value() const { return settings_; }

 private:
  compass_encode_settings settings_;
  std::vector<compass_quality_region> regions_;
  std::vector<compass_size> layers_;
  std::vector<compass_metadata> metadata_;
  std::vector<compass_target> targets_;
};

}  // namespace compass::python
