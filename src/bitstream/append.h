// A further layer for a file that there is.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bitstream/container.h"
#include "core/result.h"

namespace compass {

// The file with one more layer behind its last: a new header, and all that the file has behind its own, byte
// for byte. The file must be whole, which this does not check. Errors: kBadFile (see parse_header), kDamaged
// (the file is cut off), kUsage (the layer is smaller than the last one on a side, or one too many; it has
// alpha and the file has none, or the other way round).
Result<std::vector<uint8_t>> append_layer(std::span<const uint8_t> file, const LayerPayload& layer);

// How many bytes longer the header is at most once layers of these sizes, of other qualities than the first
// one's and no more bytes than pixels, have followed.
uint64_t header_growth(const ContainerHeader& header, std::span<const Size> further);

}  // namespace compass
