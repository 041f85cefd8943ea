// A layer's quality map: how much finer or coarser than the layer's quality each square of it is coded.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bitstream/blocks.h"
#include "core/result.h"
#include "core/size.h"

namespace compass {

// Pixels a side of the squares; the last ones of a row or column are smaller.
inline constexpr int kQualitySquare = 64;
inline constexpr int kMaxQualityOffset = 100;

struct QualityMap {
  std::vector<int8_t>
      offsets;  // [rows][columns], within +-kMaxQualityOffset, on the scale of 0..100; empty: no map
  bool empty() const { return offsets.empty(); }
  bool operator==(const QualityMap&) const = default;
};

// Rows and columns of a layer's squares.
inline Size quality_squares(Size layer) {
  return block_grid(layer, kQualitySquare);
}

// The map's bytes (docs/bitstream.md, "Quality maps"); none for an empty map and one of zeros. Errors: kUsage
// if it is not as large as the layer, or an offset is out of range.
Result<std::vector<uint8_t>> serialise_quality_map(const QualityMap& map, Size layer);

// The map that these bytes are; memory is in proportion to the layer's squares. Errors: kBadFile if no
// encoder writes them.
Result<QualityMap> parse_quality_map(std::span<const uint8_t> bytes, Size layer);

// No map of a layer takes more bytes.
uint64_t max_quality_map_bytes(Size layer);

}  // namespace compass
