// Python's bytes and arrays, to and from the library's memory.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "compass/compass.h"

namespace compass::python {

namespace py = pybind11;

// The bytes, which are freed.
py::bytes to_python(compass_bytes& bytes);

// Samples [height,width,...] that the picture owned, as an array that owns them: not copied.
template <typename Sample>
py::array take_samples(Sample*& samples, std::vector<py::ssize_t> shape) {
  Sample* const taken = std::exchange(samples, nullptr);
  const py::capsule owner(taken, [](void* memory) {
    compass_picture picture{};  // what frees the library's memory
    picture.rgb = static_cast<uint8_t*>(memory);
    compass_picture_free(&picture);
  });
  return py::array_t<Sample>(std::move(shape), taken, owner);
}

// A buffer of bytes in a row; bytes, bytearray, memoryview, mmap.
class Bytes {
 public:
  explicit Bytes(const py::buffer& buffer) : info_(buffer.request()) {
    if (info_.itemsize != 1 || (info_.ndim != 0 && !PyBuffer_IsContiguous(info_.view(), 'C'))) {
      throw py::type_error("data must be bytes in a row, such as bytes or a memoryview of them");
    }
  }
  const uint8_t* data() const {
    static constexpr uint8_t kNothing = 0;  // the library wants no NULL, even for no bytes
    return info_.ptr == nullptr ? &kNothing : static_cast<const uint8_t*>(info_.ptr);
  }
  size_t size() const { return static_cast<size_t>(info_.size); }

 private:
  py::buffer_info info_;
};

}  // namespace compass::python
