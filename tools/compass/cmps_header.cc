#include "cmps_header.h"

#include <fmt/format.h>

#include <span>

namespace compass::tools {

Result<compass_info> peek_header(InputFile& file) {
  size_t have = 0;
  for (;;) {
    const Result<std::span<const uint8_t>> bytes = file.peek(have);
    if (!bytes) return bytes.error();
    if (bytes->size() < have) {
      const char* what = bytes->empty() ? "is empty" : "ends within the header";
      return Error{ErrorCode::kBadFile, fmt::format("{}: {} (byte {}); get a whole copy of the file",
                                                    file.name(), what, bytes->size())};
    }
    constexpr uint8_t kNothing = 0;  // the library wants no NULL, even for no bytes
    compass_info info;
    compass_error error;
    const uint8_t* const data = bytes->empty() ? &kNothing : bytes->data();
    const compass_status status = compass_read_info(data, bytes->size(), &info, &error);
    if (status == COMPASS_OK) return info;
    if (info.need == 0) return file.error_of(status, error);
    have = info.need;
  }
}

std::vector<LayerRow> rows_of(const compass_info& info, bool quality) {
  std::vector<LayerRow> rows;
  for (int k = 0; k < info.layer_count; ++k) {
    const compass_layer_info& layer = info.layers[k];
    rows.push_back(
        {.size = {layer.width, layer.height}, .bytes = layer.end - layer.offset, .total_bytes = layer.end});
    if (quality) rows.back().quality = layer.quality;
  }
  return rows;
}

}  // namespace compass::tools
