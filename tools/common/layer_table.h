// The layers of a file as a table and as JSON, with the same columns in all commands.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "command.h"
#include "core/size.h"

namespace compass::tools {

struct LayerRow {
  Size size;
  uint64_t bytes = 0;        // of the layer's own stream
  uint64_t total_bytes = 0;  // of the file up to and including this layer: what it costs to get this picture
  std::optional<double> psnr;  // dB, where it is known; infinite if nothing was lost
  std::optional<double> seconds;
  std::optional<double> quality;  // 0..100

  // The field's rate: total_bytes over this layer's pixels.
  double bpp() const { return static_cast<double>(total_bytes) * 8.0 / static_cast<double>(size.pixels()); }
};

// Columns layer, size, bytes, total, bpp, and quality, PSNR and seconds if the rows have them.
std::string layer_table(const std::vector<LayerRow>& rows);

// [{"layer": 0, "width": .., "height": .., "bytes": .., "total_bytes": .., "bpp": .., "psnr": ..}, ...]; psnr
// is null where it is infinite, psnr and seconds are absent where unknown.
Json layer_json(const std::vector<LayerRow>& rows);

// 1234567 as "1,234,567".
std::string grouped(uint64_t number);

}  // namespace compass::tools
