// The library, through its public interface, as commands use it: handles and memory that free themselves,
// failures as Errors.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "compass/compass.h"
#include "core/freed.h"
#include "core/result.h"
#include "picture_view.h"

namespace compass::tools {

using ModelHandle = std::unique_ptr<compass_model, Freed<compass_model_free>>;
using EncoderHandle = std::unique_ptr<compass_encoder, Freed<compass_encoder_free>>;
using DecoderHandle = std::unique_ptr<compass_decoder, Freed<compass_decoder_free>>;
using ReaderHandle = std::unique_ptr<compass_reader, Freed<compass_reader_free>>;

// A struct with memory of the library's.
template <typename T, auto kFree>
class Owned {
 public:
  Owned() = default;
  Owned(Owned&& other) noexcept : value_(std::exchange(other.value_, {})) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Owned() { kFree(&value_); }

  const T& operator*() const { return value_; }
  const T* operator->() const { return &value_; }
  T* out() { return &value_; }  // for the function that fills it in

 private:
  T value_{};
};
using OwnedBytes = Owned<compass_bytes, compass_bytes_free>;
using OwnedPicture = Owned<compass_picture, compass_picture_free>;

// What failed, for a status other than COMPASS_OK. Throws std::bad_alloc for COMPASS_NO_MEMORY.
Error error_of(compass_status status, const compass_error& error);
// The same of any status.
Status status_of(compass_status status, const compass_error& error);

Result<EncoderHandle> new_encoder(const compass_model* model, const compass_options& options);
Result<DecoderHandle> new_decoder(const compass_model* model, const compass_options& options);

// To be written.
PictureView view_of(const compass_picture& picture);

// 16 hexadecimal digits.
std::string id_text(const uint8_t id[8]);

}  // namespace compass::tools
