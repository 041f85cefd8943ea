#include "photo_encoding.h"

#include <algorithm>

#include "common/command.h"

namespace compass::tools {

PhotoEncoding::PhotoEncoding(const Photo& photo, bool strip) : photo_(photo), size_(photo.size()) {
  for (const MetadataChunk& chunk : photo.metadata) {
    if (strip && (chunk.type != COMPASS_ICC || !photo.kinds.own_colours)) continue;
    metadata_.push_back({chunk.type, chunk.bytes.data(), chunk.bytes.size()});
  }
}

void PhotoEncoding::describe(const std::vector<Size>& sizes, compass_encode_settings& settings) {
  describe(settings);
  sizes_.clear();
  for (const Size size : sizes) sizes_.push_back({size.width, size.height});
  settings.sizes = sizes_.data();
  settings.size_count = sizes_.size();
  settings.metadata = metadata_.empty() ? nullptr : metadata_.data();
  settings.metadata_count = metadata_.size();
}

void PhotoEncoding::describe(compass_encode_settings& settings) const {
  const PictureKinds& kinds = photo_.kinds;
  settings.kinds = (kinds.grey ? COMPASS_GREY : 0) | (kinds.own_colours ? COMPASS_OWN_COLOURS : 0);
  if (!kinds.alpha) return;
  settings.alpha = photo_.alpha.samples.data();
  settings.alpha_stride = static_cast<size_t>(size_.width);
}

template <typename Code, typename Deep>
compass_status PhotoEncoding::with_samples(const Code& code, const Deep& deep) const {
  const size_t row = 3 * static_cast<size_t>(size_.width);
  return photo_.kinds.deep ? deep(photo_.deep.samples.data(), row * sizeof(uint16_t))
                           : code(photo_.image.samples.data(), row);
}

Result<OwnedBytes> PhotoEncoding::encode(compass_encoder* encoder,
                                         const compass_encode_settings& settings) const {
  OwnedBytes file;
  compass_error error;
  const auto by = [&](auto function) {
    return [&, function](const auto* samples, size_t stride) {
      return function(encoder, samples, size_.width, size_.height, stride, &settings, file.out(), &error);
    };
  };
  const compass_status status = with_samples(by(compass_encode), by(compass_encode16));
  if (status != COMPASS_OK) return error_of(status, error);
  return file;
}

Result<OwnedBytes> PhotoEncoding::append(compass_encoder* encoder, std::span<const uint8_t> before,
                                         const compass_encode_settings& settings) const {
  if (photo_.kinds.own_colours) {
    if (const Status same = check_profile(before); !same) return same.error();
  }
  OwnedBytes file;
  compass_error error;
  const auto by = [&](auto function) {
    return [&, function](const auto* samples, size_t stride) {
      return function(encoder, before.data(), before.size(), samples, size_.width, size_.height, stride,
                      &settings, file.out(), &error);
    };
  };
  const compass_status status = with_samples(by(compass_append), by(compass_append16));
  if (status != COMPASS_OK) return error_of(status, error);
  return file;
}

Status PhotoEncoding::check_profile(std::span<const uint8_t> file) const {
  OwnedBytes icc;
  compass_error error;
  const compass_status status =
      compass_read_metadata(file.data(), file.size(), COMPASS_ICC, icc.out(), &error);
  if (status != COMPASS_OK) return error_of(status, error);
  const auto own = std::ranges::find(metadata_, uint32_t{COMPASS_ICC}, &compass_metadata::type);
  const std::span<const uint8_t> its =
      own == metadata_.end() ? std::span<const uint8_t>() : std::span(own->data, own->size);
  if (std::ranges::equal(std::span(icc->data, icc->size), its)) return {};
  return usage("--keep-profile", "the picture's profile is not the file's");
}

}  // namespace compass::tools
