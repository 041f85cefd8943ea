#include "entropy/scales.h"

#include <algorithm>

namespace compass {

// Digits are hexadecimal so that they are exact.
const std::array<float, kScales> kScaleTable = {
    0x1.c28f5cp-4F, 0x1.fd8f26p-4F, 0x1.20246p-3F,  0x1.45df8ep-3F, 0x1.708b9p-3F,  0x1.a0ce08p-3F,
    0x1.d76248p-3F, 0x1.0a8e14p-2F, 0x1.2d759ap-2F, 0x1.54ef34p-2F, 0x1.81941cp-2F, 0x1.b41194p-2F,
    0x1.ed2b98p-2F, 0x1.16dfe4p-1F, 0x1.3b6468p-1F, 0x1.64b112p-1F, 0x1.93663p-1F,  0x1.c8390cp-1F,
    0x1.01fb56p+0F, 0x1.23c37ap+0F, 0x1.49f80ep+0F, 0x1.752d5cp+0F, 0x1.a60b1cp+0F, 0x1.dd4ef8p+0F,
    0x1.0de7b8p+1F, 0x1.313f8ep+1F, 0x1.59382cp+1F, 0x1.866cb8p+1F, 0x1.b98ca4p+1F, 0x1.f35e5ep+1F,
    0x1.1a612ep+2F, 0x1.3f5b3p+2F,  0x1.692cb4p+2F, 0x1.987818p+2F, 0x1.cdf4ecp+2F, 0x1.053962p+3F,
    0x1.276e36p+3F, 0x1.4e1db4p+3F, 0x1.79de08p+3F, 0x1.ab5908p+3F, 0x1.e34ebp+3F,  0x1.114c2p+4F,
    0x1.3515bp+4F,  0x1.5d8ee8p+4F, 0x1.8b54e2p+4F, 0x1.bf194cp+4F, 0x1.f9a50ep+4F, 0x1.1dedbap+5F,
    0x1.435eb2p+5F, 0x1.6db6c8p+5F, 0x1.9d9a6p+5F,  0x1.d3c34p+5F,  0x1.0881ep+6F,  0x1.2b24c6p+6F,
    0x1.5250bap+6F, 0x1.7e9dd8p+6F, 0x1.b0b80cp+6F, 0x1.e961cap+6F, 0x1.14bb7ap+7F, 0x1.38f83p+7F,
    0x1.61f39cp+7F, 0x1.904ce4p+7F, 0x1.c4b7e4p+7F, 0x1p+8F,
};

int scale_index(float scale) {
  const float bounded = scale < kSmallestScale ? kSmallestScale : scale;
  // Written so that NaN, which no comparison holds for, ends up at the last index.
  const auto above = std::partition_point(kScaleTable.begin(), kScaleTable.end() - 1,
                                          [bounded](float s) { return !(bounded <= s); });
  return static_cast<int>(above - kScaleTable.begin());
}

}  // namespace compass
