#include "reader.h"

#include <algorithm>

#include "buffers.h"

namespace compass::python {

template <typename Call>
compass_status Reader::run(const Call& call) {
  compass_error error{};
  compass_status status = COMPASS_OK;
  std::exception_ptr raised;
  {
    const py::gil_scoped_release unlocked;
    const std::lock_guard lock(mutex_);
    status = call(&error);
    raised = std::exchange(raised_, nullptr);
  }
  if (raised) std::rethrow_exception(raised);
  if (status != COMPASS_END) check(status, error);
  return status;
}

Reader::Reader(Model& model, const Limits& limits, py::object read)
    : model_(model), limits_(limits), read_(std::move(read)) {
  const py::gil_scoped_release unlocked;
  decoder_ = model.take_decoder(limits);
  compass_source source;
  compass_source_init(&source);
  source.user = this;
  source.read = [](void* self, uint64_t offset, uint8_t* data, size_t size) {
    return static_cast<Reader*>(self)->read_at(offset, data, size);
  };
  compass_reader* made = nullptr;
  compass_error error{};
  check(compass_reader_create(decoder_.get(), read_.is_none() ? nullptr : &source, &made, &error), error);
  reader_.reset(made);
}

Reader::~Reader() {
  reader_.reset();
  model_.give_decoder(limits_, std::move(decoder_));
}

void Reader::push(const py::buffer& buffer) {
  const Bytes bytes(buffer);
  run([&](compass_error* error) {
    return compass_reader_push(reader_.get(), bytes.data(), bytes.size(), error);
  });
}

void Reader::push_at(uint64_t offset, const py::buffer& buffer) {
  const Bytes bytes(buffer);
  run([&](compass_error* error) {
    return compass_reader_push_at(reader_.get(), offset, bytes.data(), bytes.size(), error);
  });
}

void Reader::end() {
  run([&](compass_error* error) { return compass_reader_end(reader_.get(), error); });
}

uint64_t Reader::need() {
  uint64_t bytes = 0;
  run([&](compass_error* /*error*/) {
    bytes = compass_reader_need(reader_.get());
    return COMPASS_OK;
  });
  return bytes;
}

int Reader::ready() {
  int layer = -1;
  run([&](compass_error* /*error*/) {
    layer = compass_reader_ready(reader_.get());
    return COMPASS_OK;
  });
  return layer;
}

void Reader::select(int layer, std::pair<int, int> size, std::array<int, 4> region, bool strict) {
  const compass_decode_settings settings = settings_of(layer, size, region, strict);
  run([&](compass_error* error) { return compass_reader_select(reader_.get(), &settings, error); });
}

std::vector<std::pair<uint64_t, uint64_t>> Reader::ranges(int layer, std::pair<int, int> size,
                                                          std::array<int, 4> region) {
  const compass_decode_settings settings = settings_of(layer, size, region, false);
  std::vector<compass_range> found;
  size_t count = 0;
  do {
    found.resize(count);
    run([&](compass_error* error) {
      return compass_reader_ranges(reader_.get(), &settings, found.data(), found.size(), &count, error);
    });
  } while (count > found.size());
  std::vector<std::pair<uint64_t, uint64_t>> result;
  for (const compass_range& range : found) result.emplace_back(range.offset, range.size);
  return result;
}

py::object Reader::next() {
  compass_layer layer;
  compass_layer_init(&layer);
  const compass_status status =
      run([&](compass_error* error) { return compass_reader_next(reader_.get(), &layer, error); });
  if (status == COMPASS_END) return py::none();
  return py::make_tuple(layer.layer, layer.x, layer.y, layer.width, layer.height, layer.is_last != 0,
                        layer.kinds);
}

py::object Reader::next_layer(bool deep) {
  compass_layer layer;
  compass_layer_init(&layer);
  if (run([&](compass_error* error) { return compass_reader_next(reader_.get(), &layer, error); }) ==
      COMPASS_END) {
    return py::none();
  }
  const bool alpha = (layer.kinds & COMPASS_ALPHA) != 0;
  const std::vector<py::ssize_t> shape{layer.height, layer.width, alpha ? 4 : 3};
  py::array pixels = deep ? py::array(py::array_t<uint16_t>(shape)) : py::array(py::array_t<uint8_t>(shape));
  compass_output output;
  compass_output_init(&output);
  output.format = deep ? (alpha ? COMPASS_RGBA16 : COMPASS_RGB16) : (alpha ? COMPASS_RGBA : COMPASS_RGB);
  output.pixels = pixels.mutable_data();
  output.size = static_cast<size_t>(pixels.nbytes());
  std::string damage;
  run([&](compass_error* error) {
    const compass_status status = compass_reader_next_layer(reader_.get(), &output, &layer, error);
    if (status != COMPASS_DAMAGED || layer.decoded == 0) return status;
    damage = error->message;
    return COMPASS_OK;
  });
  return py::make_tuple(std::move(pixels), damage);
}

int64_t Reader::read_at(uint64_t offset, uint8_t* data, size_t size) {
  const py::gil_scoped_acquire locked;
  try {
    const py::object found = read_(offset, size);
    const Bytes bytes(found.cast<py::buffer>());
    if (bytes.size() > size) throw py::value_error("read() returned more bytes than it was asked for");
    std::copy_n(bytes.data(), bytes.size(), data);
    return static_cast<int64_t>(bytes.size());
  } catch (...) {
    raised_ = std::current_exception();
    return -1;
  }
}

}  // namespace compass::python
