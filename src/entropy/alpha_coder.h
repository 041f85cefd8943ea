// The lossless coder of alpha: rectangles of 8-bit samples to bytes. docs/bitstream.md, section 6.
//
// A block of one value is one byte. Any other is a stream of binary decisions, each with a probability that
// contexts have learnt (entropy/bit_mixer.h): decoded neighbours, and the alpha of the layer below
// (entropy/alpha_below.h). Blocks of a layer know nothing of each other.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/plane.h"
#include "core/result.h"
#include "entropy/alpha_below.h"

namespace compass {

// `samples`, which is `block` of a layer of size `layer`, as bytes: at least one.
std::vector<uint8_t> encode_alpha(PlaneView samples, Size layer, Rect block, const AlphaBelow& below);

// Writes the block's samples to `out`, rows `stride` bytes apart. Errors: kDamaged (no bytes, or more than
// the samples take).
Status decode_alpha(std::span<const uint8_t> bytes, Size layer, Rect block, const AlphaBelow& below,
                    uint8_t* out, size_t stride);

}  // namespace compass
