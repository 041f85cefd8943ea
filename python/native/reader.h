// A file that is decoded layer by layer, as it comes.
#pragma once

#include <pybind11/pybind11.h>

#include <array>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "handles.h"
#include "model.h"

namespace compass::python {

// A compass_reader, on a decoder that is the model's again afterwards. One thread at a time uses it: the
// others wait.
class Reader {
 public:
  // `read`: None, or a function of offset and size that returns bytes.
  Reader(Model& model, const Limits& limits, py::object read);
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader();

  void push(const py::buffer& buffer);
  void push_at(uint64_t offset, const py::buffer& buffer);
  void end();
  uint64_t need();
  int ready();
  void select(int layer, std::pair<int, int> size, std::array<int, 4> region, bool strict);
  std::vector<std::pair<uint64_t, uint64_t>> ranges(int layer, std::pair<int, int> size,
                                                    std::array<int, 4> region);

  // (layer, x, y, width, height, is last, kinds); none after the last.
  py::object next();

  // The pixels [height,width,3 or 4] of the layer that next() tells of, and what of it was lost.
  py::object next_layer(bool deep);

 private:
  // Without Python's lock. Returns COMPASS_OK or COMPASS_END, or throws.
  template <typename Call>
  compass_status run(const Call& call);
  // What the function raises is kept until the library is left.
  int64_t read_at(uint64_t offset, uint8_t* data, size_t size);

  Model& model_;
  Limits limits_;
  py::object read_;
  std::exception_ptr raised_;
  std::mutex mutex_;
  DecoderPtr decoder_;
  ReaderPtr reader_;
};

}  // namespace compass::python
