#include "layer_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace compass::tools {

std::string grouped(uint64_t number) {
  std::string text = fmt::format("{}", number);
  for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<size_t>(at), 1, ',');
  }
  return text;
}

std::string layer_table(const std::vector<LayerRow>& rows) {
  const bool psnr =
      std::any_of(rows.begin(), rows.end(), [](const LayerRow& r) { return r.psnr.has_value(); });
  const bool seconds =
      std::any_of(rows.begin(), rows.end(), [](const LayerRow& r) { return r.seconds.has_value(); });
  std::string out =
      fmt::format("{:>5}  {:>11}  {:>11}  {:>11}  {:>7}", "layer", "size", "bytes", "total", "bpp");
  if (psnr) out += fmt::format("  {:>7}", "PSNR");
  if (seconds) out += fmt::format("  {:>7}", "seconds");
  out += '\n';
  for (size_t k = 0; k < rows.size(); ++k) {
    const LayerRow& row = rows[k];
    out += fmt::format("{:>5}  {:>11}  {:>11}  {:>11}  {:>7.3f}", k,
                       fmt::format("{}x{}", row.size.width, row.size.height), grouped(row.bytes),
                       grouped(row.total_bytes), row.bpp());
    if (psnr) out += row.psnr ? fmt::format("  {:>7.2f}", *row.psnr) : std::string(9, ' ');
    if (seconds) out += row.seconds ? fmt::format("  {:>7.2f}", *row.seconds) : std::string(9, ' ');
    out += '\n';
  }
  return out;
}

Json layer_json(const std::vector<LayerRow>& rows) {
  Json list = Json::array();
  for (size_t k = 0; k < rows.size(); ++k) {
    const LayerRow& row = rows[k];
    Json entry = {{"layer", k},         {"width", row.size.width},        {"height", row.size.height},
                  {"bytes", row.bytes}, {"total_bytes", row.total_bytes}, {"bpp", row.bpp()}};
    if (row.psnr) entry["psnr"] = std::isfinite(*row.psnr) ? Json(*row.psnr) : Json(nullptr);
    if (row.seconds) entry["seconds"] = *row.seconds;
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace compass::tools
