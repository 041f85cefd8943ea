// compass: one photo, one file, every size. A thin C++ layer over compass.h: handles that free themselves,
// failures as exceptions.
//
//     const compass::Model model("lite.safetensors");
//     const std::vector<std::uint8_t> file = compass::Encoder(model).encode(rgb, {768, 512});
//     const compass::Picture thumbnail = compass::Decoder(model).decode(file, compass::layer(0));
//
//     compass::Reader reader(decoder);                      // while bytes arrive
//     reader.push(data, size);
//     while (reader.is_ready()) show(reader.next_layer(&output));
//
// See compass.h for what the fields mean. Callbacks must not throw. C++17.
#ifndef COMPASS_COMPASS_HPP
#define COMPASS_COMPASS_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "compass/compass.h"

namespace compass {
inline namespace v1 {

// What every function below throws.
class Error : public std::runtime_error {
 public:
  Error(compass_status status, const char* message) : std::runtime_error(message), status_(status) {}
  compass_status status() const { return status_; }

 private:
  compass_status status_;
};

namespace detail {

inline void check(compass_status status, const compass_error& error) {
  if (status != COMPASS_OK) throw Error(status, error.message);
}

inline std::vector<std::uint8_t> take(compass_bytes& bytes) {
  const std::unique_ptr<compass_bytes, void (*)(compass_bytes*)> owner(&bytes, compass_bytes_free);
  return std::vector<std::uint8_t>(bytes.data, bytes.data + bytes.size);
}

template <typename T, void (*kFree)(T*)>
struct Free {
  void operator()(T* handle) const { kFree(handle); }
};

template <typename T, void (*kFree)(T*)>
using Handle = std::unique_ptr<T, Free<T, kFree>>;

}  // namespace detail

using Size = compass_size;

// Defaults to be changed field by field.
struct Options : compass_options {
  Options() { compass_options_init(this); }
};
struct EncodeSettings : compass_encode_settings {
  EncodeSettings() { compass_encode_settings_init(this); }
};
struct EncodeReport : compass_encode_report {
  EncodeReport() { compass_encode_report_init(this); }
};
struct Output : compass_output {
  Output() { compass_output_init(this); }
};
struct Source : compass_source {
  Source() { compass_source_init(this); }
};
struct Layer : compass_layer {
  Layer() { compass_layer_init(this); }
};
struct DecodeSettings : compass_decode_settings {
  DecodeSettings() { compass_decode_settings_init(this); }
};

// Settings for one layer (0 is the smallest), and for an exact size.
inline DecodeSettings layer(int k) {
  DecodeSettings settings;
  settings.layer = k;
  return settings;
}
inline DecodeSettings size(int width, int height) {
  DecodeSettings settings;
  settings.size = {width, height};
  return settings;
}

class Model {
 public:
  explicit Model(const std::string& path) {
    compass_error error;
    compass_model* handle = nullptr;
    detail::check(compass_model_load(path.c_str(), &handle, &error), error);
    handle_.reset(handle);
  }

  std::string name() const { return compass_model_name(handle_.get()); }
  const compass_model* get() const { return handle_.get(); }

 private:
  detail::Handle<compass_model, compass_model_free> handle_;
};

class Encoder {
 public:
  explicit Encoder(const Model& model, const Options& options = {}) {
    compass_error error;
    compass_encoder* handle = nullptr;
    detail::check(compass_encoder_create(model.get(), &options, &handle, &error), error);
    handle_.reset(handle);
  }

  // `rgb`: size.height rows of 3 * size.width bytes, without gaps unless `stride` says otherwise.
  std::vector<std::uint8_t> encode(const std::uint8_t* rgb, Size size, const EncodeSettings& settings = {},
                                   std::size_t stride = 0) {
    return encode(compass_encode, rgb, size, settings, stride);
  }
  // The same of 16 bits a sample; `stride` is in bytes.
  std::vector<std::uint8_t> encode(const std::uint16_t* rgb, Size size, const EncodeSettings& settings = {},
                                   std::size_t stride = 0) {
    return encode(compass_encode16, rgb, size, settings, stride);
  }

  // `file` with a further layer; settings have neither sizes nor metadata.
  std::vector<std::uint8_t> append(const std::vector<std::uint8_t>& file, const std::uint8_t* rgb, Size size,
                                   const EncodeSettings& settings = {}, std::size_t stride = 0) {
    compass_error error;
    compass_bytes grown;
    if (stride == 0) stride = static_cast<std::size_t>(size.width) * 3;
    detail::check(compass_append(handle_.get(), file.data(), file.size(), rgb, size.width, size.height,
                                 stride, &settings, &grown, &error),
                  error);
    return detail::take(grown);
  }

 private:
  template <typename Function, typename Sample>
  std::vector<std::uint8_t> encode(Function function, const Sample* rgb, Size size,
                                   const EncodeSettings& settings, std::size_t stride) {
    compass_error error;
    compass_bytes file;
    if (stride == 0) stride = static_cast<std::size_t>(size.width) * 3 * sizeof(Sample);
    detail::check(function(handle_.get(), rgb, size.width, size.height, stride, &settings, &file, &error),
                  error);
    return detail::take(file);
  }

  detail::Handle<compass_encoder, compass_encoder_free> handle_;
};

// Pixels that free themselves.
class Picture {
 public:
  Picture() = default;
  Picture(Picture&& other) noexcept
      : picture_(std::exchange(other.picture_, {})), damage_(std::move(other.damage_)) {}
  Picture& operator=(Picture&& other) noexcept {
    std::swap(picture_, other.picture_);
    std::swap(damage_, other.damage_);
    return *this;
  }
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;
  ~Picture() { compass_picture_free(&picture_); }

  const std::uint8_t* rgb() const { return picture_.rgb; }
  const std::uint16_t* rgb16() const { return picture_.rgb16; }  // instead, if 16 bits were asked for
  const std::uint8_t* alpha() const { return picture_.alpha; }   // null if it is opaque
  int kinds() const { return picture_.kinds; }                   // COMPASS_ALPHA and so on
  Size size() const { return {picture_.width, picture_.height}; }
  int layer() const { return picture_.layer; }

  // What of the file was lost, a line each; empty if nothing was.
  const std::vector<std::string>& damage() const { return damage_; }

 private:
  friend class Decoder;
  compass_picture picture_{};
  std::vector<std::string> damage_;
};

class Decoder {
 public:
  explicit Decoder(const Model& model, const Options& options = {}) {
    compass_error error;
    compass_decoder* handle = nullptr;
    detail::check(compass_decoder_create(model.get(), &options, &handle, &error), error);
    handle_.reset(handle);
  }

  // A damaged file gives the layers below the damage, and says so in Picture::damage().
  Picture decode(const std::uint8_t* data, std::size_t size, const DecodeSettings& settings = {}) {
    return decode([&](compass_picture* picture, compass_error* error) {
      return compass_decode(handle_.get(), data, size, &settings, picture, error);
    });
  }
  Picture decode(const std::vector<std::uint8_t>& file, const DecodeSettings& settings = {}) {
    return decode(file.data(), file.size(), settings);
  }
  // From a file or a pipe, of which no more is read than is needed.
  Picture decode(const Source& source, const DecodeSettings& settings = {}) {
    return decode([&](compass_picture* picture, compass_error* error) {
      return compass_decode_source(handle_.get(), &source, &settings, picture, error);
    });
  }

  const compass_decoder* get() const { return handle_.get(); }

 private:
  template <typename Function>
  Picture decode(const Function& function) {
    compass_error error;
    Picture picture;
    const compass_status status = function(&picture.picture_, &error);
    if (status != COMPASS_DAMAGED || picture.picture_.width == 0) detail::check(status, error);
    for (std::size_t i = 0; const char* line = compass_decoder_damage(handle_.get(), i); ++i) {
      picture.damage_.emplace_back(line);
    }
    return picture;
  }

  detail::Handle<compass_decoder, compass_decoder_free> handle_;
};

// A file on its way, layer by layer.
class Reader {
 public:
  // For bytes that are pushed, and for a source whose `user` must outlive the reader. The decoder need not.
  explicit Reader(const Decoder& decoder) : Reader(decoder, nullptr) {}
  Reader(const Decoder& decoder, const Source& source) : Reader(decoder, &source) {}

  void push(const std::uint8_t* data, std::size_t size) {
    compass_error error;
    detail::check(compass_reader_push(handle_.get(), data, size, &error), error);
  }
  void push_at(std::uint64_t offset, const std::uint8_t* data, std::size_t size) {
    compass_error error;
    detail::check(compass_reader_push_at(handle_.get(), offset, data, size, &error), error);
  }
  void end() {
    compass_error error;
    detail::check(compass_reader_end(handle_.get(), &error), error);
  }

  // What is wanted, from the smallest layer on again.
  void select(const DecodeSettings& settings) {
    compass_error error;
    detail::check(compass_reader_select(handle_.get(), &settings, &error), error);
  }
  // How many of the file's first bytes it takes to go on, after an Error with COMPASS_NEED.
  std::uint64_t need() const { return compass_reader_need(handle_.get()); }
  std::uint64_t bytes_for(const DecodeSettings& settings) {
    compass_error error;
    std::uint64_t bytes = 0;
    detail::check(compass_reader_bytes_for(handle_.get(), &settings, &bytes, &error), error);
    return bytes;
  }
  std::vector<compass_range> ranges(const DecodeSettings& settings) {
    compass_error error;
    std::vector<compass_range> found;
    std::size_t count = 0;
    do {
      found.resize(count);
      detail::check(
          compass_reader_ranges(handle_.get(), &settings, found.data(), found.size(), &count, &error), error);
    } while (count > found.size());
    return found;
  }
  compass_info info() {
    compass_error error;
    compass_info info;
    detail::check(compass_reader_info(handle_.get(), &info, &error), error);
    return info;
  }

  // Whether next_layer() would do something, and the layer that it would give.
  bool is_ready() { return compass_reader_ready(handle_.get()) >= 0; }
  Layer next() {
    compass_error error;
    Layer layer;
    detail::check(compass_reader_next(handle_.get(), &layer, &error), error);
    return layer;
  }
  // The layer's pixels to the output; to nowhere if that is null. Of damaged blocks the error's text is told.
  Layer next_layer(const Output* output, std::string* damage = nullptr) {
    compass_error error;
    Layer layer;
    const compass_status status = compass_reader_next_layer(handle_.get(), output, &layer, &error);
    const bool in_parts = status == COMPASS_DAMAGED && layer.decoded != 0;
    if (damage != nullptr) *damage = in_parts ? error.message : "";
    if (!in_parts) detail::check(status, error);
    return layer;
  }

 private:
  Reader(const Decoder& decoder, const Source* source) {
    compass_error error;
    compass_reader* handle = nullptr;
    detail::check(compass_reader_create(decoder.get(), source, &handle, &error), error);
    handle_.reset(handle);
  }

  detail::Handle<compass_reader, compass_reader_free> handle_;
};

// The file's first layers, as they are.
inline std::vector<std::uint8_t> extract(const std::uint8_t* data, std::size_t size, int layers) {
  compass_error error;
  compass_bytes file;
  detail::check(compass_extract(data, size, layers, &file, &error), error);
  return detail::take(file);
}

// The sizes of layers that are these parts of the full size, the last one 1.
inline std::vector<Size> sizes_from_scales(Size full, const std::vector<double>& scales) {
  compass_error error;
  std::vector<Size> sizes(scales.size());
  detail::check(compass_sizes_from_scales(full, scales.data(), scales.size(), sizes.data(), &error), error);
  return sizes;
}

// What is in a file, from its first bytes.
inline compass_info read_info(const std::uint8_t* data, std::size_t size) {
  compass_error error;
  compass_info info;
  detail::check(compass_read_info(data, size, &info, &error), error);
  return info;
}

}  // namespace v1
}  // namespace compass

#endif  // COMPASS_COMPASS_HPP
