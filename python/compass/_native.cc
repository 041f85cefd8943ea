// The Python module compass._native: the C interface with Python's arrays and exceptions. What users see is
// __init__.py's.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <compare>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compass/compass.h"

namespace py = pybind11;

namespace {

// A failure of the library's on its way to becoming a Python exception.
struct Failure {
  compass_status status;
  std::string message;
};

void check(compass_status status, const compass_error& error) {
  if (status != COMPASS_OK) throw Failure{status, error.message};
}

template <auto kFree>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using EncoderPtr = std::unique_ptr<compass_encoder, Freed<compass_encoder_free>>;
using ReaderPtr = std::unique_ptr<compass_reader, Freed<compass_reader_free>>;
using DecoderPtr = std::unique_ptr<compass_decoder, Freed<compass_decoder_free>>;

// What an encoder or a decoder is made with. 0 pixels: the library's own limit.
struct Limits {
  int threads = 0;
  uint64_t max_pixels = 0;
  uint64_t max_memory = 0;
  auto operator<=>(const Limits&) const = default;

  compass_options options() const {
    compass_options options;
    compass_options_init(&options);
    options.threads = threads;
    if (max_pixels != 0) options.max_pixels = max_pixels;
    options.max_memory = max_memory;
    return options;
  }
};

// Encoders or decoders that wait for their next call. Making one packs the model's weights, and starts
// threads; any number may work at once.
template <typename Ptr>
class Pool {
 public:
  using Create = compass_status (*)(const compass_model*, const compass_options*, typename Ptr::pointer*,
                                    compass_error*);

  // Runs call(worker) with a worker of these limits; without Python's lock.
  template <typename Call>
  void with(Create create, const compass_model* model, const Limits& limits, Call call) {
    Ptr worker = take(create, model, limits);
    call(worker.get());
    give(limits, std::move(worker));
  }

  Ptr take(Create create, const compass_model* model, const Limits& limits) {
    {
      const std::lock_guard lock(mutex_);
      auto& idle = idle_[limits];
      if (!idle.empty()) {
        Ptr worker = std::move(idle.back());
        idle.pop_back();
        return worker;
      }
    }
    const compass_options options = limits.options();
    typename Ptr::pointer made = nullptr;
    compass_error error{};
    check(create(model, &options, &made, &error), error);
    return Ptr(made);
  }

  void give(const Limits& limits, Ptr worker) {
    const std::lock_guard lock(mutex_);
    constexpr size_t kKept = 4;
    if (auto& idle = idle_[limits]; idle.size() < kKept) idle.push_back(std::move(worker));
  }

 private:
  std::mutex mutex_;
  std::map<Limits, std::vector<Ptr>> idle_;
};

py::bytes to_python(compass_bytes& bytes) {
  const std::unique_ptr<compass_bytes, Freed<compass_bytes_free>> owned(&bytes);
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}

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

class Model {
 public:
  explicit Model(const std::string& path) {
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
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  std::string name() const { return compass_model_name(model_.get()); }
  py::bytes id() const { return id_by(compass_model_id); }
  py::bytes decoder_id() const { return id_by(compass_model_decoder_id); }

  using Metadata = std::vector<std::pair<uint32_t, py::bytes>>;
  using Regions = std::vector<std::array<int, 5>>;      // x, y, width, height, offset
  using Targets = std::vector<std::pair<int, double>>;  // compass_target_kind, value

  // `pixels` [H,W,3] of 8 or 16 bits, its rows contiguous; `alpha` [H,W], contiguous, or none.
  py::bytes encode(const py::array& pixels, const std::optional<py::array_t<uint8_t>>& alpha, int kinds,
                   const std::vector<double>& qualities, const Regions& regions,
                   const std::optional<py::array_t<uint8_t>>& quality_map,
                   const std::optional<std::vector<std::pair<int, int>>>& sizes, int effort,
                   const Metadata& metadata, const Targets& targets, const Limits& limits) {
    const bool deep = py::isinstance<py::array_t<uint16_t>>(pixels);
    const py::ssize_t sample = deep ? 2 : 1;
    if ((!deep && !py::isinstance<py::array_t<uint8_t>>(pixels)) || pixels.ndim() != 3 ||
        pixels.shape(2) != 3 || pixels.strides(2) != sample || pixels.strides(1) != 3 * sample ||
        (pixels.shape(0) > 1 && pixels.strides(0) < 3 * sample * pixels.shape(1))) {
      throw py::type_error("pixels must be rows of red, green, blue");
    }
    if (alpha && (alpha->ndim() != 2 || alpha->shape(0) != pixels.shape(0) ||
                  alpha->shape(1) != pixels.shape(1) || !(alpha->flags() & py::array::c_style))) {
      throw py::type_error("alpha must be a plane of the picture's size");
    }
    compass_encode_settings settings;
    compass_encode_settings_init(&settings);
    if (qualities.size() == 1) {
      settings.quality = qualities.front();
    } else {
      settings.qualities = qualities.data();
      settings.quality_count = qualities.size();
    }
    std::vector<compass_quality_region> parts;
    for (const auto& [x, y, width, height, offset] : regions) parts.push_back({x, y, width, height, offset});
    settings.regions = parts.empty() ? nullptr : parts.data();
    settings.region_count = parts.size();
    if (quality_map) {
      if (quality_map->ndim() != 2 || !(quality_map->flags() & py::array::c_style)) {
        throw py::type_error("quality_map must be a plane");
      }
      settings.quality_map = quality_map->data();
      settings.quality_map_size = {static_cast<int>(quality_map->shape(1)),
                                   static_cast<int>(quality_map->shape(0))};
      settings.quality_map_stride = static_cast<size_t>(quality_map->shape(1));
    }
    settings.effort = effort;
    settings.kinds = kinds;
    if (alpha) {
      settings.alpha = alpha->data();
      settings.alpha_stride = static_cast<size_t>(alpha->shape(1));
    }
    std::vector<compass_size> layers;
    if (sizes) {
      for (const auto& [width, height] : *sizes) layers.push_back({width, height});
      settings.sizes = layers.data();
      settings.size_count = layers.size();
    }
    std::vector<compass_metadata> chunks;
    for (const auto& [type, bytes] : metadata) {
      chunks.push_back({type, reinterpret_cast<const uint8_t*>(PyBytes_AS_STRING(bytes.ptr())),
                        static_cast<size_t>(PyBytes_GET_SIZE(bytes.ptr()))});
    }
    std::vector<compass_target> wanted;
    for (const auto& [kind, value] : targets)
      wanted.push_back({static_cast<compass_target_kind>(kind), value});
    settings.targets = wanted.empty() ? nullptr : wanted.data();
    settings.target_count = wanted.size();
    settings.metadata = chunks.empty() ? nullptr : chunks.data();
    settings.metadata_count = chunks.size();
    const auto height = static_cast<int>(pixels.shape(0));
    const auto width = static_cast<int>(pixels.shape(1));
    const size_t stride =
        height > 1 ? static_cast<size_t>(pixels.strides(0)) : static_cast<size_t>(3 * sample * width);
    const void* const first = pixels.data();
    compass_bytes file{};
    {
      const py::gil_scoped_release unlocked;
      compass_error error{};
      encoders_.with(compass_encoder_create, model_.get(), limits, [&](compass_encoder* encoder) {
        check(deep ? compass_encode16(encoder, static_cast<const uint16_t*>(first), width, height, stride,
                                      &settings, &file, &error)
                   : compass_encode(encoder, static_cast<const uint8_t*>(first), width, height, stride,
                                    &settings, &file, &error),
              error);
      });
    }
    return to_python(file);
  }

  struct Decoded {
    py::array pixels;  // [H,W,3]
    py::object alpha;  // [H,W], or None
    int kinds, layer, x, y;
    std::string damage;  // empty: none
  };

  Decoded decode(const py::buffer& buffer, int layer, std::pair<int, int> size, std::array<int, 4> region,
                 int bits, bool strict, const Limits& limits) {
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

  DecoderPtr take_decoder(const Limits& limits) {
    return decoders_.take(compass_decoder_create, model_.get(), limits);
  }
  void give_decoder(const Limits& limits, DecoderPtr decoder) { decoders_.give(limits, std::move(decoder)); }

 private:
  py::bytes id_by(void (*get)(const compass_model*, uint8_t*)) const {
    std::array<uint8_t, 8> id{};
    get(model_.get(), id.data());
    return {reinterpret_cast<const char*>(id.data()), id.size()};
  }

  std::unique_ptr<compass_model, Freed<compass_model_free>> model_;
  Pool<EncoderPtr> encoders_;
  Pool<DecoderPtr> decoders_;
};

// A compass_reader, on a decoder that is the model's again afterwards. One thread at a time uses it: the
// others wait.
class Reader {
 public:
  // `read`: None, or a function of offset and size that returns bytes.
  Reader(Model& model, const Limits& limits, py::object read)
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
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() {
    reader_.reset();
    model_.give_decoder(limits_, std::move(decoder_));
  }

  void push(const py::buffer& buffer) {
    const Bytes bytes(buffer);
    run([&](compass_error* error) {
      return compass_reader_push(reader_.get(), bytes.data(), bytes.size(), error);
    });
  }
  void push_at(uint64_t offset, const py::buffer& buffer) {
    const Bytes bytes(buffer);
    run([&](compass_error* error) {
      return compass_reader_push_at(reader_.get(), offset, bytes.data(), bytes.size(), error);
    });
  }
  void end() {
    run([&](compass_error* error) { return compass_reader_end(reader_.get(), error); });
  }
  uint64_t need() {
    uint64_t bytes = 0;
    run([&](compass_error* /*error*/) {
      bytes = compass_reader_need(reader_.get());
      return COMPASS_OK;
    });
    return bytes;
  }
  int ready() {
    int layer = -1;
    run([&](compass_error* /*error*/) {
      layer = compass_reader_ready(reader_.get());
      return COMPASS_OK;
    });
    return layer;
  }
  void select(int layer, std::pair<int, int> size, std::array<int, 4> region, bool strict) {
    const compass_decode_settings settings = settings_of(layer, size, region, strict);
    run([&](compass_error* error) { return compass_reader_select(reader_.get(), &settings, error); });
  }
  std::vector<std::pair<uint64_t, uint64_t>> ranges(int layer, std::pair<int, int> size,
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

  // (layer, x, y, width, height, is last, kinds); none after the last.
  py::object next() {
    compass_layer layer;
    compass_layer_init(&layer);
    const compass_status status =
        run([&](compass_error* error) { return compass_reader_next(reader_.get(), &layer, error); });
    if (status == COMPASS_END) return py::none();
    return py::make_tuple(layer.layer, layer.x, layer.y, layer.width, layer.height, layer.is_last != 0,
                          layer.kinds);
  }

  // The pixels [height,width,3 or 4] of the layer that next() tells of, and what of it was lost.
  py::object next_layer(bool deep) {
    compass_layer layer;
    compass_layer_init(&layer);
    if (run([&](compass_error* error) { return compass_reader_next(reader_.get(), &layer, error); }) ==
        COMPASS_END) {
      return py::none();
    }
    const bool alpha = (layer.kinds & COMPASS_ALPHA) != 0;
    const std::vector<py::ssize_t> shape{layer.height, layer.width, alpha ? 4 : 3};
    py::array pixels =
        deep ? py::array(py::array_t<uint16_t>(shape)) : py::array(py::array_t<uint8_t>(shape));
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

 private:
  // Without Python's lock. Returns COMPASS_OK or COMPASS_END, or throws.
  template <typename Call>
  compass_status run(const Call& call) {
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

  // What the function raises is kept until the library is left.
  int64_t read_at(uint64_t offset, uint8_t* data, size_t size) {
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

  Model& model_;
  Limits limits_;
  py::object read_;
  std::exception_ptr raised_;
  std::mutex mutex_;
  DecoderPtr decoder_;
  ReaderPtr reader_;
};

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
