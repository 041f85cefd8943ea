// A picture that was read from a file, on its way into a `.cmps` file.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/library.h"
#include "common/photo.h"
#include "core/size.h"

namespace compass::tools {

class PhotoEncoding {
 public:
  // Refers to `photo`. `strip` leaves out its metadata but for the profile that its pixels need.
  PhotoEncoding(const Photo& photo, bool strip);

  // Says in `settings`, which point to this object afterwards, what the picture is, and which layers.
  void describe(const std::vector<Size>& sizes, compass_encode_settings& settings);
  // The file. `settings` were described. Errors: compass_encode's.
  Result<OwnedBytes> encode(compass_encoder* encoder, const compass_encode_settings& settings) const;

  // The same for a layer that is added to a whole file, which keeps its metadata and its sizes. Errors:
  // kUsage (colours of its own that are not the file's), and compass_append's.
  void describe(compass_encode_settings& settings) const;
  Result<OwnedBytes> append(compass_encoder* encoder, std::span<const uint8_t> file,
                            const compass_encode_settings& settings) const;

 private:
  Status check_profile(std::span<const uint8_t> file) const;
  // Runs code(samples, stride) or, with more than 8 bits, deep(samples, stride).
  template <typename Code, typename Deep>
  compass_status with_samples(const Code& code, const Deep& deep) const;

  const Photo& photo_;
  Size size_;
  std::vector<compass_size> sizes_;
  std::vector<compass_metadata> metadata_;
};

}  // namespace compass::tools
