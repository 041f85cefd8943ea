// The coder of alpha on any bytes: what decodes encodes and decodes again to the same samples, which need not
// take more bytes. The first bytes choose sizes, and the block below.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "entropy/alpha_coder.h"

namespace {

using namespace compass;

void require(bool holds) {
  if (!holds) std::abort();
}

// Samples made from bytes: all sorts of edges.
Plane plane_of(Size size, std::span<const uint8_t> bytes) {
  Plane plane(size, 0);
  for (size_t i = 0; i < plane.samples.size() && !bytes.empty(); ++i)
    plane.samples[i] = bytes[i % bytes.size()];
  return plane;
}

void check_round_trip(const Plane& plane, Size layer, Rect block, const AlphaBelow& below) {
  const auto bytes = encode_alpha(plane.view(), layer, block, below);
  Plane again(plane.size, 1);
  require(decode_alpha(bytes, layer, block, below, again.samples.data(), plane.size.width).ok());
  require(again.samples == plane.samples);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kHead = 8;
  if (size < kHead) return 0;
  const std::span<const uint8_t> bytes(data + kHead, size - kHead);
  const Size layer{1 + data[0] % 64, 1 + data[1] % 64};
  const Size smaller{1 + data[2] % layer.width, 1 + data[3] % layer.height};
  const int x = data[4] % layer.width, y = data[5] % layer.height;
  const Rect block{x, y, 1 + data[6] % (layer.width - x), 1 + data[7] % (layer.height - y)};
  const size_t half = data[0] >= 128 ? bytes.size() / 2 : 0;  // what the layer below is made of
  const Plane under = plane_of(smaller, bytes.first(half));
  AlphaBelow below;
  if (half > 0) below = {under.view(), whole(smaller), smaller};
  const std::span<const uint8_t> stream = bytes.subspan(half);
  Plane plane(block.size(), 1);
  if (decode_alpha(stream, layer, block, below, plane.samples.data(), block.width).ok()) {
    check_round_trip(plane, layer, block, below);
  }
  check_round_trip(plane_of(block.size(), stream), layer, block, below);
  return 0;
}
