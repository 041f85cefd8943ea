#include "library.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <new>
#include <span>

namespace compass::tools {
namespace {

ErrorCode code_of(compass_status status) {
  switch (status) {
    case COMPASS_USAGE:
      return ErrorCode::kUsage;
    case COMPASS_BAD_FILE:
      return ErrorCode::kBadFile;
    case COMPASS_DAMAGED:
      return ErrorCode::kDamaged;
    case COMPASS_MODEL:
      return ErrorCode::kModel;
    case COMPASS_IO:
      return ErrorCode::kIo;
    default:
      return ErrorCode::kFailure;
  }
}

// What create(model, options, &handle, &error) makes.
template <typename Handle, typename Create>
Result<Handle> created(Create create, const compass_model* model, const compass_options& options) {
  typename Handle::pointer made = nullptr;
  compass_error error;
  const compass_status status = create(model, &options, &made, &error);
  if (status != COMPASS_OK) return error_of(status, error);
  return Handle(made);
}

}  // namespace

Error error_of(compass_status status, const compass_error& error) {
  if (status == COMPASS_NO_MEMORY) throw std::bad_alloc();
  return {code_of(status), error.message};
}

Status status_of(compass_status status, const compass_error& error) {
  return status == COMPASS_OK ? Status() : error_of(status, error);
}

Result<EncoderHandle> new_encoder(const compass_model* model, const compass_options& options) {
  return created<EncoderHandle>(compass_encoder_create, model, options);
}

Result<DecoderHandle> new_decoder(const compass_model* model, const compass_options& options) {
  return created<DecoderHandle>(compass_decoder_create, model, options);
}

PictureView view_of(const compass_picture& picture) {
  const Size size{picture.width, picture.height};
  const size_t row = 3 * static_cast<size_t>(size.width);
  PictureView view;
  view.rgb = {picture.rgb, size, row};
  view.rgb16 = {picture.rgb16, size, row};
  view.grey = (picture.kinds & COMPASS_GREY) != 0;
  if (picture.alpha != nullptr) view.alpha = {picture.alpha, size, static_cast<size_t>(size.width)};
  return view;
}

std::string id_text(const uint8_t id[8]) {
  return fmt::format("{:02x}", fmt::join(std::span(id, 8), ""));
}

}  // namespace compass::tools
