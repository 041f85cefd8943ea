#include "pixel_md5.h"

#include <md5.h>

#include <cstdint>
#include <vector>

namespace compass::tools {

std::string pixel_md5(const PictureView& picture) {
  const FileSamples samples{.alpha = !picture.alpha.empty()};
  const Size size = picture.size();
  std::vector<uint8_t> row(samples.pixel_bytes() * static_cast<size_t>(size.width));
  MD5_CTX md5;
  MD5Init(&md5);
  for (int y = 0; y < size.height; ++y) {
    fill_row(picture, samples, 0, y, size.width, row.data());
    MD5Update(&md5, row.data(), row.size());
  }
  char hex[MD5_DIGEST_STRING_LENGTH];
  return MD5End(&md5, hex);
}

}  // namespace compass::tools
