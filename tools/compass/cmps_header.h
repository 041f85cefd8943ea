// The header of a `.cmps` file, from a file or a pipe.
#pragma once

#include <vector>

#include "common/input_file.h"
#include "common/layer_table.h"
#include "compass/compass.h"
#include "core/result.h"
#include "core/size.h"

namespace compass::tools {

// Reads the header's bytes and not one more, and leaves them to be read. Errors: kBadFile (not a .cmps file,
// or cut within the header), kIo.
Result<compass_info> peek_header(InputFile& file);

// What of it the table of layers has: without PSNR and seconds, and `quality` where it is to be shown.
std::vector<LayerRow> rows_of(const compass_info& info, bool quality);

inline const compass_layer_info& top_layer(const compass_info& info) {
  return info.layers[info.layer_count - 1];
}
inline uint64_t file_bytes(const compass_info& info) {
  return top_layer(info).end;
}
inline void set_region(Rect part, compass_decode_settings& settings) {
  settings.region_x = part.x;
  settings.region_y = part.y;
  settings.region_width = part.width;
  settings.region_height = part.height;
}

}  // namespace compass::tools
