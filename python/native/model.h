// A model in Python's hands, with the encoders and decoders that were made for it.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "encode_settings.h"
#include "handles.h"

namespace compass::python {

// Of decode_settings: (0, 0) and a width of 0 stand for none.
compass_decode_settings settings_of(int layer, std::pair<int, int> size, std::array<int, 4> region,
                                    bool strict);

// Throws Failure and, for arrays of a wrong kind, py::type_error.
class Model {
 public:
  explicit Model(const std::string& path);
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  std::string name() const { return compass_model_name(model_.get()); }
  py::bytes id() const { return id_by(compass_model_id); }
  py::bytes decoder_id() const { return id_by(compass_model_decoder_id); }

  // `pixels` [H,W,3] of 8 or 16 bits, its rows contiguous; `alpha` [H,W], contiguous, or none.
  py::bytes encode(const py::array& pixels, const Plane& alpha, int kinds,
                   const std::vector<double>& qualities, const Regions& regions, const Plane& quality_map,
                   const Sizes& sizes, int effort, const Metadata& metadata, const Targets& targets,
                   const Limits& limits);

  struct Decoded {
    py::array pixels;  // [H,W,3]
    py::object alpha;  // [H,W], or None
    int kinds, layer, x, y;
    std::string damage;  // empty: none
  };

  Decoded decode(const py::buffer& buffer, int layer, std::pair<int, int> size, std::array<int, 4> region,
                 int bits, bool strict, const Limits& limits);

  DecoderPtr take_decoder(const Limits& limits) {
    return decoders_.take(compass_decoder_create, model_.get(), limits);
  }
  void give_decoder(const Limits& limits, DecoderPtr decoder) { decoders_.give(limits, std::move(decoder)); }

 private:
  py::bytes encoded(const Pixels& pixels, const EncodeSettings& settings, const Limits& limits);
  py::bytes id_by(void (*get)(const compass_model*, uint8_t*)) const;

  std::unique_ptr<compass_model, Freed<compass_model_free>> model_;
  Pool<EncoderPtr> encoders_;
  Pool<DecoderPtr> decoders_;
};

}  // namespace compass::python
