#include "pixel_md5.h"

#include <md5.h>

#include <cstdint>

namespace compass::tools {

std::string pixel_md5(const DecodedPicture& picture) {
  MD5_CTX md5;
  MD5Init(&md5);
  MD5Update(&md5, picture.rgb.bytes.data(), picture.rgb.bytes.size());
  if (!picture.alpha.empty()) {
    const auto& alpha = picture.alpha.samples;
    MD5Update(&md5, alpha.data(), alpha.size());
  }
  char hex[MD5_DIGEST_STRING_LENGTH];
  return MD5End(&md5, hex);
}

}  // namespace compass::tools
