// The Python module compass._native: the C interface with Python's arrays and exceptions. What users see is
// __init__.py's.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>

#include "buffers.h"
#include "handles.h"
#include "model.h"
#include "reader.h"

namespace compass::python {

namespace {

// (decoder id, minor version, kinds, [(width, height, quality, offset, end)]), or the number of bytes needed.
py::object read_info(const py::buffer& buffer) {
  const Bytes bytes(buffer);
  const auto info = std::make_unique<compass_info>();
  compass_error error{};
  const compass_status status = compass_read_info(bytes.data(), bytes.size(), info.get(), &error);
  if (status == COMPASS_DAMAGED && info->need > 0) return py::int_(info->need);
  check(status, error);
  py::list layers;
  for (int k = 0; k < info->layer_count; ++k) {
    const compass_layer_info& layer = info->layers[k];
    layers.append(py::make_tuple(layer.width, layer.height, layer.quality, layer.offset, layer.end));
  }
  return py::make_tuple(py::bytes(reinterpret_cast<const char*>(info->decoder_id), 8), info->minor_version,
                        info->kinds, layers);
}

py::bytes read_metadata(const py::buffer& buffer, uint32_t type) {
  const Bytes bytes(buffer);
  compass_bytes found{};
  compass_error error{};
  check(compass_read_metadata(bytes.data(), bytes.size(), type, &found, &error), error);
  return to_python(found);
}

}  // namespace

PYBIND11_MODULE(_native, m) {
  // Set by __init__.py: makes the exception of a status and a message.
  static PyObject* make_error = nullptr;
  m.def("raise_with", [](const py::object& factory) { make_error = factory.inc_ref().ptr(); });
  py::register_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const Failure& failure) {
      const py::object error = py::reinterpret_borrow<py::object>(make_error)(
          static_cast<int>(failure.status),
          py::reinterpret_steal<py::str>(PyUnicode_DecodeUTF8(
              failure.message.data(), static_cast<Py_ssize_t>(failure.message.size()), "replace")));
      PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
    }
  });
  m.attr("HIGH_QUALITY") = COMPASS_HIGH_QUALITY;
  m.def("version", compass_version);
  m.def("read_info", read_info);
  m.def("read_metadata", read_metadata);
  py::class_<Limits>(m, "Limits").def(py::init<int, uint64_t, uint64_t>());
  py::class_<Model::Decoded>(m, "Decoded")
      .def_readonly("pixels", &Model::Decoded::pixels)
      .def_readonly("alpha", &Model::Decoded::alpha)
      .def_readonly("kinds", &Model::Decoded::kinds)
      .def_readonly("layer", &Model::Decoded::layer)
      .def_readonly("x", &Model::Decoded::x)
      .def_readonly("y", &Model::Decoded::y)
      .def_readonly("damage", &Model::Decoded::damage);
  py::class_<Model>(m, "Model")
      .def(py::init<const std::string&>())
      .def_property_readonly("name", &Model::name)
      .def_property_readonly("id", &Model::id)
      .def_property_readonly("decoder_id", &Model::decoder_id)
      .def("encode", &Model::encode)
      .def("decode", &Model::decode);
  py::class_<Reader>(m, "Reader")
      .def(py::init<Model&, const Limits&, py::object>(), py::keep_alive<1, 2>())
      .def("push", &Reader::push)
      .def("push_at", &Reader::push_at)
      .def("end", &Reader::end)
      .def("need", &Reader::need)
      .def("ready", &Reader::ready)
      .def("select", &Reader::select)
      .def("ranges", &Reader::ranges)
      .def("next", &Reader::next)
      .def("next_layer", &Reader::next_layer);
}

}  // namespace compass::python
